"""`following`: how long after a write the new verdicts can be read, and of how many apps, next to the bare write."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson

from benchmarks import nation
from benchmarks.databases import postgresql
from benchmarks.figures import Table, ratio
from benchmarks.processes import free_port, peak_mib, python, running
from benchmarks.sweeps import serve_nation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DEFAULT = 10_000
_ROUNDS = 5
_LOOK_S = 0.1
_TIMEOUT_S = 60.0
_PATIENCE_S = 1800.0


def measure(sizes: Sequence[int] = ()) -> Iterator[Table]:
    """Measure nations of the sizes given."""
    table = Table(
        "following：PostgreSQL，一个进程跟随 · one process follows",
        (
            *("应用 apps", "变更 change", "改变的结果 results changed"),
            *("写入 write ms", "可读 readable ms", "÷ 写入 write", "MiB/进程"),
        ),
        remarks=[f"{_ROUNDS} 次的中位数；“可读”从写入的答复到给出新结论 · medians, from the answer to the verdict"],
    )
    for apps in sizes or (DEFAULT,):
        for row in _of(apps):
            table.add(*row)
    yield table


def _of(apps: int) -> Iterator[tuple[str, ...]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="govapp-bench-")))
        registry, audit, process = _start(stack, folder, apps)
        sweep = _following(audit)
        since = _read(audit.get(f"/v1/sweeps/{sweep['id']}/changes", params={"limit": 1000}))["next"]
        for said, change in _CHANGES.items():
            figures = []
            for round_ in range(_ROUNDS):
                began = time.perf_counter()
                revision = change(registry, apps // 2 + 97 * round_)
                written = time.perf_counter()
                readable, found = _await(audit, sweep["id"], since, revision)
                since = found[-1]["number"]
                figures.append(((written - began) * 1e3, (readable - written) * 1e3, len(found)))
            write_ms, readable_ms, results = (sorted(each)[_ROUNDS // 2] for each in zip(*figures, strict=True))
            yield (
                *(f"{apps:,}", said, f"{results:,}", f"{write_ms:.1f}", f"{readable_ms:.0f}"),
                *(ratio(readable_ms / write_ms), f"{peak_mib(process) or 0:.0f}"),
            )


def _await(audit: httpx.Client, sweep: str, since: int, revision: int) -> tuple[float, list[dict[str, Any]]]:
    """Wait until what a registry revision changes is told; give when it was, and all that was told."""
    give_up_at = time.perf_counter() + _PATIENCE_S
    found: list[dict[str, Any]] = []
    told_at = None
    while True:
        # What one change brings about is told at once; of many results it takes several pages to read it.
        asked = {"since": since, "limit": 1000, "wait_s": 10 if told_at is None else 0}
        page = _read(audit.get(f"/v1/sweeps/{sweep}/changes", params=asked))
        found += page["items"]
        since = page["next"]
        if told_at is None and any(each["revision"] >= revision for each in found):
            told_at = time.perf_counter()
        if told_at is not None and not page["items"]:
            return told_at, found
        if time.perf_counter() > give_up_at:
            raise RuntimeError(f"nothing was told of revision {revision}")


def _start(stack: ExitStack, folder: Path, apps: int) -> tuple[httpx.Client, httpx.Client, int]:
    ports = serve_nation(stack, folder, apps), free_port()
    environment = {
        **os.environ,
        "GOVAPP_AUDIT_DATABASE_URL": stack.enter_context(postgresql(folder)),
        "GOVAPP_AUDIT_REGISTRY_URL": f"http://127.0.0.1:{ports[0]}",
        "GOVAPP_AUDIT_JOBS__RUNS": "true",
        "GOVAPP_AUDIT_JOBS__POLL_S": "0.1",
        "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
    }
    command = python("benchmarks.served", "audit", str(ports[1]))
    process = stack.enter_context(running(command, f"http://127.0.0.1:{ports[1]}/readyz", environment))
    clients = [
        stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_TIMEOUT_S, trust_env=False))
        for port in ports
    ]
    return clients[0], clients[1], process


def _following(audit: httpx.Client) -> dict[str, Any]:
    """Order a sweep that follows, and wait until it has everything at hand: it is certain of a look of its own."""
    sweep = _read(audit.post("/v1/sweeps", json={"follows": True}))
    first = None
    while sweep["state"] == "running" or sweep["certain_at"] in {None, first}:
        time.sleep(_LOOK_S)
        sweep = _read(audit.get(f"/v1/sweeps/{sweep['id']}"))
        first = first or sweep["certain_at"]
    return sweep


def _rename(registry: httpx.Client, number: int) -> int:
    """Change the name of an app, which its neighbours are told."""
    return _put(registry, number, {"name": f"示例改名{time.perf_counter_ns()}"})


def _change_vendor(registry: httpx.Client, number: int) -> int:
    """Change what no neighbour is told."""
    return _put(registry, number, {"vendor": f"示例公司{time.perf_counter_ns()}"})


def _rename_platform(registry: httpx.Client, number: int) -> int:
    """Change the name of a provincial platform, which everybody is told who asks for anything in the province."""
    return _rename(registry, number % 31)


def _put(registry: httpx.Client, number: int, fields: dict[str, str]) -> int:
    path = f"/v1/apps/{nation.app(number).id}"
    answer = registry.get(path).raise_for_status()
    done = registry.put(
        path,
        content=orjson.dumps({**answer.json()["manifest"], **fields}),
        params={"reason": "示例变更"},
        headers={"Content-Type": "application/json", "If-Match": answer.headers["ETag"]},
    )
    return int(done.raise_for_status().json()["revision"])


_CHANGES: dict[str, Callable[[httpx.Client, int], int]] = {
    "承建单位 a vendor": _change_vendor,
    "名称 a name": _rename,
    "省级平台的名称 a platform's name": _rename_platform,
}


def _read(answer: httpx.Response) -> dict[str, Any]:
    document: dict[str, Any] = answer.raise_for_status().json()
    return document
