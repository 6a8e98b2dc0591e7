"""`sweeps`: a sweep of a whole nation on PostgreSQL, by one worker, two and four, next to reading the bare snapshot."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from benchmarks import nation
from benchmarks.databases import migrate, postgresql
from benchmarks.figures import Table, ratio
from benchmarks.processes import free_port, peak_mib, python, running
from benchmarks.registry import loading
from benchmarks.registry.draining import CASES, drain
from services.audit.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

DEFAULT = 10_000
WORKERS = (1, 2, 4)
_CHANGED_PART = 100
_LOOK_S = 0.1
_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Swept:
    """What sweeps by so many workers took, in seconds, and the largest worker in MiB."""

    workers: int
    first_s: float
    again_s: float
    changed_s: float
    judged: int
    mib: float


@dataclass(slots=True)
class Measured:
    """What was measured of a nation: the bare snapshot, and the sweeps."""

    apps: int
    bare_s: float
    sweeps: list[Swept] = field(default_factory=list)


def measure(sizes: Sequence[int] = ()) -> Iterator[Table]:
    """Measure nations of the sizes given."""
    table = Table(
        "sweeps：PostgreSQL，全部应用 · all apps",
        (
            *(
                "应用 apps",
                "进程 workers",
                "首次 first s",
                "每秒 per second",
                "µs/应用·进程 per app",
                "÷ 只读快照 bare",
            ),
            *("不变 unchanged s", "改 1 % changed s", "其中重判 judged", "MiB/进程"),
        ),
        remarks=["只读快照：同一份案例流，读出即弃 · bare: the same stream of cases, read and dropped"],
    )
    for apps in sizes or (DEFAULT,):
        measured = one(apps)
        for each in measured.sweeps:
            table.add(
                *(f"{apps:,}", str(each.workers), f"{each.first_s:.1f}", f"{apps / each.first_s:,.0f}"),
                f"{each.first_s * each.workers / apps * 1e6:.0f}",
                ratio(each.first_s / measured.bare_s),
                *(f"{each.again_s:.1f}", f"{each.changed_s:.1f}", f"{each.judged:,}", f"{each.mib:.0f}"),
            )
    yield table


def one(apps: int) -> Measured:
    """Fill a registry with so many apps, and sweep it by one worker, two and four."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govapp-bench-")))
        port = serve_nation(stack, folder, apps)
        drain(port, CASES)
        measured = Measured(apps, drain(port, CASES).seconds)
        for workers in WORKERS:
            measured.sweeps.append(_sweep(folder, port, workers, apps))
    return measured


def serve_nation(stack: ExitStack, folder: Path, apps: int) -> int:
    """Start a registry on PostgreSQL that holds a nation of so many apps, until the stack ends; give its port."""
    url = stack.enter_context(postgresql(folder))
    migrate(url)
    loading.load(url, apps)
    loading.settle(url)
    port = free_port()
    environment = {
        **os.environ,
        "GOVAPP_REGISTRY_DATABASE_URL": url,
        "GOVAPP_REGISTRY_JOBS__RUNS": "false",
        "GOVAPP_REGISTRY_MAX_STREAMS": "16",
    }
    command = python("benchmarks.served", "registry", str(port))
    stack.enter_context(running(command, f"http://127.0.0.1:{port}/readyz", environment))
    return port


def _sweep(folder: Path, registry: int, workers: int, apps: int) -> Swept:
    with ExitStack() as stack:
        url = stack.enter_context(postgresql(folder))
        database = Database(url)
        database.migrate()
        database.close()
        ports = [free_port() for _ in range(workers)]
        environment = {
            **os.environ,
            "GOVAPP_AUDIT_DATABASE_URL": url,
            "GOVAPP_AUDIT_REGISTRY_URL": f"http://127.0.0.1:{registry}",
            "GOVAPP_AUDIT_JOBS__RUNS": "true",
            "GOVAPP_AUDIT_JOBS__POLL_S": "0.1",
            "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
        }
        processes = [
            stack.enter_context(
                running(python("benchmarks.served", "audit", str(port)), f"http://127.0.0.1:{port}/readyz", environment)
            )
            for port in ports
        ]
        with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}", timeout=_TIMEOUT_S, trust_env=False) as audit:
            first_s, _ = _done(audit)
            again_s, _ = _done(audit)
            _change(registry, apps, workers)
            changed_s, judged = _done(audit)
        return Swept(workers, first_s, again_s, changed_s, judged, max(peak_mib(each) or 0 for each in processes))


def _done(audit: httpx.Client) -> tuple[float, int]:
    """Order a sweep and wait for it; give the seconds from its order to its end, and how many apps were judged."""
    began = time.perf_counter()
    sweep = _read(audit.post("/v1/sweeps", json={"on": nation.JUDGED_ON.isoformat()}))
    while sweep["state"] == "running":
        time.sleep(_LOOK_S)
        sweep = _read(audit.get(f"/v1/sweeps/{sweep['id']}"))
    if (sweep["state"], sweep["done"]) != ("done", sweep["total"]):
        raise RuntimeError(f"the sweep has not been done: {sweep}")
    return time.perf_counter() - began, sweep["judged"]


def _change(registry: int, apps: int, round_: int) -> None:
    """Change the names of one app in a hundred."""
    with httpx.Client(base_url=f"http://127.0.0.1:{registry}", timeout=_TIMEOUT_S, trust_env=False) as client:
        for number in range(round_, apps, _CHANGED_PART):
            path = f"/v1/apps/{nation.app(number).id}"
            answer = client.get(path).raise_for_status()
            manifest = {**answer.json()["manifest"], "name": f"示例改名第{round_}次"}
            changed = client.put(
                path,
                content=orjson.dumps(manifest),
                params={"reason": "示例改名"},
                headers={"Content-Type": "application/json", "If-Match": answer.headers["ETag"]},
            )
            changed.raise_for_status()


def _read(answer: httpx.Response) -> dict[str, Any]:
    document: dict[str, Any] = answer.raise_for_status().json()
    return document
