"""`killed`: a sweep whose workers are killed at random every few seconds, beside one that is left in peace.

Two workers share one database; each that is killed is started again, and nobody lends a hand otherwise. Both sweeps
judge everything themselves, on databases of their own, and have to come to the same.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from benchmarks import nation
from benchmarks.databases import postgresql
from benchmarks.figures import Table, ratio
from benchmarks.processes import free_port, python
from benchmarks.sweeps import serve_nation
from services.audit.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = 10_000
WORKERS = 2
_KILL_S = (8.0, 16.0)  # a worker has to live long enough to read what it needs of the registry
_LOOK_S = 0.2
_TIMEOUT_S = 60.0
_BY = ("rule", "level", "province")


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to: seconds, deaths, and its results, counted in several ways."""

    seconds: float
    deaths: int
    told: dict[str, Any]


class Worker:
    """A process of the audit that can be killed and started again."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        """Take its environment and the folder of its log; it does not run yet."""
        self.port = free_port()
        self._environment = environment
        self._log = folder / f"{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; whoever asks it waits until it answers."""
        with self._log.open("ab") as log:
            command = python("benchmarks.served", "audit", str(self.port))
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment)

    def kill(self) -> None:
        """Kill it, as a machine does that loses its power."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> dict[str, Any]:  # noqa: ANN401 - JSON
        """Ask it, as soon as it answers.

        Raises:
            TimeoutError: it did not for a minute.

        """
        until = time.monotonic() + _TIMEOUT_S
        with httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=_TIMEOUT_S, trust_env=False) as client:
            while time.monotonic() < until:
                try:
                    answer = client.request(method, path, json=body)
                except httpx.TransportError:
                    time.sleep(_LOOK_S)
                    continue
                if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                    document: dict[str, Any] = answer.raise_for_status().json()
                    return document
                time.sleep(_LOOK_S)
        raise TimeoutError(f"{path} was not answered")


def measure(sizes: Sequence[int] = ()) -> Iterator[Table]:
    """Measure nations of the sizes given."""
    table = Table(
        f"killed：PostgreSQL，{WORKERS} 个进程，随机被杀 · workers killed at random",
        ("应用 apps", "未受扰 in peace s", "被杀 killed s", "被杀次数 deaths", "÷ 未受扰", "结果相同 same results"),
    )
    for apps in sizes or (DEFAULT,):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govapp-bench-")))
            registry = f"http://127.0.0.1:{serve_nation(stack, folder, apps)}"
            peace, war = (_sweep(folder, registry, is_killed=is_killed) for is_killed in (False, True))
            if peace.told != war.told:
                raise RuntimeError("the sweep whose workers were killed has come to something else")
            figures = (
                f"{peace.seconds:.0f}",
                f"{war.seconds:.0f}",
                str(war.deaths),
                ratio(war.seconds / peace.seconds),
            )
            table.add(f"{apps:,}", *figures, "✓")
    yield table


def _sweep(folder: Path, registry: str, *, is_killed: bool) -> Swept:
    with ExitStack() as stack:
        url = stack.enter_context(postgresql(folder))
        database = Database(url)
        database.migrate()
        database.close()
        environment = {
            **os.environ,
            "GOVAPP_AUDIT_DATABASE_URL": url,
            "GOVAPP_AUDIT_REGISTRY_URL": registry,
            "GOVAPP_AUDIT_JOBS__RUNS": "true",
            "GOVAPP_AUDIT_JOBS__POLL_S": "0.1",
            "GOVAPP_AUDIT_JOBS__TAKEOVER_S": "1",
            "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
        }
        workers = [Worker(environment, folder) for _ in range(WORKERS)]
        for each in workers:
            each.start()
            stack.callback(each.kill)
        return _watch(workers, is_killed=is_killed)


def _watch(workers: Sequence[Worker], *, is_killed: bool) -> Swept:
    """Order a sweep and wait for its end, killing whom chance says."""
    chance, deaths = random.Random(1), 0
    began = time.perf_counter()
    sweep = workers[0].ask("POST", "/v1/sweeps", {"on": nation.JUDGED_ON.isoformat()})
    path = f"/v1/sweeps/{sweep['id']}"
    kill_at = time.perf_counter() + chance.uniform(*_KILL_S)
    while sweep["state"] == "running":
        time.sleep(_LOOK_S)
        if is_killed and time.perf_counter() >= kill_at:
            worker = chance.choice(workers)
            worker.kill()
            worker.start()
            deaths += 1
            kill_at = time.perf_counter() + chance.uniform(*_KILL_S)
        sweep = workers[0].ask("GET", path)
    if (sweep["state"], sweep["done"]) != ("done", sweep["total"]):
        raise RuntimeError(f"the sweep has not been done: {sweep}")
    took_s = time.perf_counter() - began
    told = {by: workers[0].ask("GET", f"{path}/statistics?by={by}")["groups"] for by in _BY}
    return Swept(took_s, deaths, {**told, "done": sweep["done"]})
