"""`checks`: what a check costs over HTTP on loopback, next to doing nothing and to Cerbos."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import orjson

from benchmarks import load, nation, sample
from benchmarks.figures import Table
from benchmarks.peers import LABELS, cerbos
from benchmarks.processes import free_port, python, running
from services.audit.engine import report
from services.audit.law import Verdict
from services.audit.regulation import LAW
from services.manifest.model import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ROUNDS = 7
_SECONDS = 1.5
_WARM_UP = 500
_CHECK = f"/v1/checks?on={sample.ON}"
_NOTHING = "/v1/nothing"
_JSON = {"Content-Type": "application/json"}
_PATIENCE_S = 60.0
_LOOK_S = 0.1
_AT_HAND, _ASKING = "check, context at hand", "check, asking the registry"
_ON_BOTH_CORES = "check, two processes"
_REGISTERED, _NOTHING_REGISTERED = "registered app, from the index", "no-op, mean size of those"
_REGISTERED_ON_BOTH_CORES = "registered app, two processes"
_NOTHING_AT_HAND, _QUESTION = "no-op, same size", "no-op, one question"
_CERBOS = f"Cerbos, {len(LABELS)} rules"
_PAIRS = (
    (_AT_HAND, _NOTHING_AT_HAND),
    (_ASKING, _QUESTION),
    (_REGISTERED, _NOTHING_REGISTERED),
    (_AT_HAND, _CERBOS),
    (_ON_BOTH_CORES, _CERBOS),
    (_REGISTERED, _CERBOS),
    (_REGISTERED_ON_BOTH_CORES, _CERBOS),
)
_APPS = 1000
"""Registered apps that are checked in turn."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What is asked again and again: requests in turn, and the ports that answer them."""

    ports: tuple[int, ...]
    requests: tuple[bytes, ...]


def measure() -> list[Table]:
    """Start the servers, let the contenders take turns, and compare their throughput."""
    with ExitStack() as stack:
        contenders = {**_at_hand(stack), **_asking(stack), **_registered(stack)}
        remarks = []
        try:
            contenders[_CERBOS] = _cerbos(stack)
        except cerbos.Unavailable as reason:
            remarks.append(f"略过 Cerbos · Cerbos skipped: {reason}")
        loads = _take_turns(contenders)
    return [_throughput(loads), _ratios(loads, remarks)]


def _at_hand(stack: ExitStack) -> dict[str, Contender]:
    ports, body = (free_port(), free_port()), sample.load().body
    for port in ports:
        command = python("benchmarks.served", "at-hand", str(port))
        stack.enter_context(running(command, f"http://127.0.0.1:{port}/healthz"))
    check = (load.post(_CHECK, body),)
    return {
        _AT_HAND: Contender(ports[:1], check),
        _NOTHING_AT_HAND: Contender(ports[:1], (load.post(_NOTHING, body),)),
        _ON_BOTH_CORES: Contender(ports, check),
    }


def _asking(stack: ExitStack) -> dict[str, Contender]:
    port, body = free_port(), sample.load().body
    registry = _registry(stack)
    _register(registry)
    command = python("benchmarks.served", "asking", str(port), registry)
    stack.enter_context(running(command, f"http://127.0.0.1:{port}/healthz"))
    return {
        _ASKING: Contender((port,), (load.post(_CHECK, body),)),
        _QUESTION: Contender((port,), (load.post(_NOTHING, body),)),
    }


def _registered(stack: ExitStack) -> dict[str, Contender]:
    """Check apps of a made-up nation by their ids, each in its turn, so that no answer was just given to another."""
    registry = _registry(stack)
    with httpx.Client(base_url=registry, timeout=_PATIENCE_S, trust_env=False) as client:
        for each in nation.apps(_APPS):
            answer = client.put(f"/v1/apps/{each.id}", content=each.manifest, headers=_JSON)
            if answer.status_code != httpx.codes.CREATED:
                raise RuntimeError(f"{each.id} was not registered: {answer.text}")
    paths = [f"/v1/checks?app={each.id}&on={nation.JUDGED_ON}&freshness=index" for each in nation.apps(_APPS)]
    first = _indexed(stack, registry, 0)
    with httpx.Client(base_url=f"http://127.0.0.1:{first}", timeout=_PATIENCE_S, trust_env=False) as client:
        sizes = [len(client.post(path).raise_for_status().content) for path in paths]
    ports = (_indexed(stack, registry, round(statistics.mean(sizes))), first)
    checks = tuple(load.post(path, b"") for path in paths)
    return {
        _REGISTERED: Contender(ports[:1], checks),
        _NOTHING_REGISTERED: Contender(ports[:1], (load.post(_NOTHING, b"{}"),)),
        _REGISTERED_ON_BOTH_CORES: Contender(ports, checks),
    }


def _indexed(stack: ExitStack, registry: str, answer_bytes: int) -> int:
    """Start an audit with an index, and give its port when the index holds all apps."""
    port = free_port()
    command = python("benchmarks.served", "indexed", str(port), registry, str(answer_bytes))
    stack.enter_context(running(command, f"http://127.0.0.1:{port}/healthz"))
    give_up_at = time.monotonic() + _PATIENCE_S
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=_PATIENCE_S, trust_env=False) as client:
        while (standing := client.get("/v1/index").raise_for_status().json())["apps"] < _APPS:
            if time.monotonic() > give_up_at:
                raise RuntimeError(f"the index has not come so far: {standing}")
            time.sleep(_LOOK_S)
    return port


def _registry(stack: ExitStack) -> str:
    """Start a registry on SQLite, and give its address."""
    port = free_port()
    database = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "registry.db"
    environment = {**os.environ, "GOVAPP_REGISTRY_DATABASE_URL": f"sqlite:///{database}"}
    url = f"http://127.0.0.1:{port}"
    stack.enter_context(running(python("benchmarks.served", "registry", str(port)), f"{url}/readyz", environment))
    return url


def _register(registry: str) -> None:
    """Put the apps around into the registry, then the app itself and its grants."""
    case = sample.load()
    with httpx.Client(base_url=registry, trust_env=False) as client:
        for document in (*case.around, case.document):
            client.put(f"/v1/apps/{document['id']}", json=document, headers={"If-None-Match": "*"}).raise_for_status()
        for grant in case.grants:
            client.post(f"/v1/apps/{case.app}/grants", json=grant).raise_for_status()


def _cerbos(stack: ExitStack) -> Contender:
    """Start Cerbos, and make sure that it finds the same rules violated as our engine before it is measured."""
    program = cerbos.binary()
    port, folder, case = free_port(), Path(stack.enter_context(tempfile.TemporaryDirectory())), sample.load()
    configuration = cerbos.write_configuration(folder, port, free_port())
    command = [str(program), "server", f"--config={configuration}", "--log-level=error"]
    stack.enter_context(running(command, f"http://127.0.0.1:{port}/_cerbos/health"))
    question = cerbos.question(orjson.loads(canonical(case.manifest())), sample.ON)
    with httpx.Client(trust_env=False) as client:
        answer = client.post(f"http://127.0.0.1:{port}{cerbos.PATH}", content=question, headers=_JSON)
    theirs = cerbos.violated(answer.raise_for_status().content)
    rulings = report(case.manifest(), None, LAW, sample.ON).rulings
    ours = {each.label for each in rulings if each.label in LABELS and each.verdict is Verdict.VIOLATION}
    if theirs != ours:
        raise RuntimeError(f"Cerbos finds {sorted(theirs)} violated, our engine {sorted(ours)}")
    return Contender((port,), (load.post(cerbos.PATH, question),))


def _take_turns(contenders: Mapping[str, Contender]) -> dict[str, list[load.Load]]:
    for each in contenders.values():
        load.run(each.ports, *each.requests, seconds=_SECONDS, answers=_WARM_UP)
    loads: dict[str, list[load.Load]] = {name: [] for name in contenders}
    for _ in range(_ROUNDS):
        for name, each in contenders.items():
            loads[name].append(load.run(each.ports, *each.requests, seconds=_SECONDS))
    return loads


def _throughput(loads: Mapping[str, Sequence[load.Load]]) -> Table:
    title = f"checks：{load.CONNECTIONS} 个连接，{_ROUNDS} 轮的中位数 · medians of {_ROUNDS} rounds"
    table = Table(title, ("", "每秒 per second", "p50 ms", "p99 ms"))
    for name, runs in loads.items():
        per_second, p50, p99 = (
            statistics.median(getattr(run, figure) for run in runs) for figure in ("per_second", "p50_ms", "p99_ms")
        )
        table.add(name, f"{per_second:.0f}", f"{p50:.1f}", f"{p99:.1f}")
    return table


def _ratios(loads: Mapping[str, Sequence[load.Load]], remarks: list[str]) -> Table:
    columns = ("", "中位 median", "最小 min", "最大 max")
    table = Table("checks：吞吐量之比 · ratios of throughput", columns, remarks=remarks)
    for one, other in _PAIRS:
        if one in loads and other in loads:
            pairs = zip(loads[one], loads[other], strict=True)
            found = [mine.per_second / theirs.per_second for mine, theirs in pairs]
            shown = (f"{value:.2f}" for value in (statistics.median(found), min(found), max(found)))
            table.add(f"{one} ÷ {other}", *shown)
    return table
