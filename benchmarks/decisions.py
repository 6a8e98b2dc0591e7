"""Decisions: how long one takes with many callers, beside the check that it rests on, and while a sweep runs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import httpx
import orjson

from benchmarks import load, nation
from benchmarks.databases import POSTGRESQL, SQLITE, postgresql
from benchmarks.figures import Table, ratio
from benchmarks.processes import free_port, peak_mib, running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

APPS = 300
CALLERS = (1, 16)
SECONDS = 8.0
LOOK_S = 0.2
JSON = {"Content-Type": "application/json"}
GOVAPP = str(Path(sys.executable).with_name("govapp"))


def measure() -> Iterator[Table]:
    """Measure on SQLite and on PostgreSQL, both services as processes of their own."""
    with tempfile.TemporaryDirectory(prefix="govapp-bench-") as name, ExitStack() as servers:
        folder = Path(name)
        keys = folder / "keys.json"
        subprocess.run([GOVAPP, "keys", "new", str(keys)], check=True, stderr=subprocess.DEVNULL)
        yield _of(SQLITE, [f"sqlite:///{folder}/{each}.db" for each in ("registry", "audit")], keys)
        urls = [servers.enter_context(postgresql(folder)) for _ in range(2)]
        yield _of(POSTGRESQL, urls, keys)


def _of(name: str, urls: Sequence[str], keys: Path) -> Table:
    ports = [free_port(), free_port()]
    environment = {
        **{each: value for each, value in os.environ.items() if not each.startswith("GOVAPP_")},
        "GOVAPP_REGISTRY_DATABASE_URL": urls[0],
        "GOVAPP_REGISTRY_MIGRATES_ON_START": "true",
        "GOVAPP_REGISTRY_JOBS__RUNS": "false",
        "GOVAPP_AUDIT_DATABASE_URL": urls[1],
        "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
        "GOVAPP_AUDIT_SIGNING_KEYS": str(keys),
        "GOVAPP_AUDIT_REGISTRY_DEADLINE_S": "30",  # a busy machine makes calls slow, and none may fail here
        "GOVAPP_AUDIT_REGISTRY_URL": f"http://127.0.0.1:{ports[0]}",
        "GOVAPP_AUDIT_JOBS__RUNS": "true",
    }
    with ExitStack() as processes:
        _, audit = [
            processes.enter_context(
                running([GOVAPP, "serve", service, "--port", str(port)], f"http://127.0.0.1:{port}/readyz", environment)
            )
            for service, port in zip(("registry", "audit"), ports, strict=True)
        ]
        revisions = _register(ports[0])
        decide = [
            load.post("/v1/decisions", orjson.dumps({"purpose": "approve", "app": app, "revision": revision}))
            for app, revision in revisions.items()
        ]
        check = [load.post(f"/v1/checks?app={app}&freshness=live", b"") for app in revisions]
        table = _table(name, ports[1], check, decide, audit)
        with sweeping(ports[1]) as swept:
            decided = load.run([ports[1]], *decide, seconds=SECONDS, connections=CALLERS[-1], status="201")
        figures = (f"{decided.per_second:.0f}", f"{decided.p50_ms:.1f}", f"{decided.p99_ms:.1f}", "")
        table.add("判定，筛查进行中 · decision, sweeping", str(CALLERS[-1]), *figures)
        table.remarks.append(f"其间筛查完成 {swept()} 次 · sweeps done meanwhile")
        return table


@contextmanager
def sweeping(port: int) -> Iterator[Callable[[], int]]:
    """Order one sweep after the other until the block ends, each on another day so that every app is judged."""
    ending, done = Event(), [0]

    def sweep() -> None:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as audit:
            day = nation.JUDGED_ON
            while not ending.is_set():
                day += timedelta(days=1)
                answer = audit.post("/v1/sweeps", json={"on": day.isoformat()}).raise_for_status().json()
                while answer["state"] == "running" and not ending.wait(LOOK_S):
                    answer = audit.get(f"/v1/sweeps/{answer['id']}").raise_for_status().json()
                done[0] += answer["state"] == "done"

    thread = Thread(target=sweep)
    thread.start()
    try:
        yield lambda: done[0]
    finally:
        ending.set()
        thread.join()


def _register(port: int) -> dict[str, int]:
    """Register some apps of a made-up nation; give their revisions."""
    found = {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as registry:
        for each in nation.apps(APPS):
            answer = registry.put(f"/v1/apps/{each.id}", content=each.manifest, headers=JSON)
            if answer.status_code == httpx.codes.CREATED:
                found[each.id] = int(answer.json()["revision"])
    return found


def _table(name: str, port: int, check: Sequence[bytes], decide: Sequence[bytes], process: int) -> Table:
    table = Table(
        f"判定（{name}，{len(decide)} 个应用）· decisions",
        ("请求 · request", "并发 · callers", "每秒 · per second", "p50 ms", "p99 ms", "判定/检查 · decision/check p50"),
    )
    for callers in CALLERS:
        checked = load.run([port], *check, seconds=SECONDS, connections=callers)
        decided = load.run([port], *decide, seconds=SECONDS, connections=callers, status="201")
        for said, found in (("检查 · live check", checked), ("判定 · decision", decided)):
            compared = ratio(found.p50_ms / checked.p50_ms)
            figures = (f"{found.per_second:.0f}", f"{found.p50_ms:.1f}", f"{found.p99_ms:.1f}", compared)
            table.add(said, str(callers), *figures)
    if (peak := peak_mib(process)) is not None:
        table.remarks.append(f"审查服务内存峰值 {peak:.0f} MiB · peak memory of the audit service")
    return table
