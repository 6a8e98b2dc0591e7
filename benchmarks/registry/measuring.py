"""Measuring one registry: filling it, asking it, reading all of it."""

from __future__ import annotations

import math
import os
import statistics
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.engine import make_url

from benchmarks import load
from benchmarks.databases import SQLITE
from benchmarks.processes import free_port, peak_mib, python, running
from benchmarks.registry import bare, draining, loading, writing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.registry.draining import Drained
    from benchmarks.registry.loading import Loaded
    from benchmarks.registry.questions import Question

_SECONDS = 2.0
_CROWD_SECONDS = 4.0
_CROWD = 16
_WARM_UP = 60
_WRITERS = 200_000  # numbers apart from which each writer takes its apps, so that all of them are new


@dataclass(frozen=True, slots=True)
class Latency:
    """Half and 99 in 100 of the answers took at most so many milliseconds."""

    p50_ms: float
    p99_ms: float

    @classmethod
    def of(cls, took_ms: Sequence[float]) -> Latency:
        """Give the latency of samples, at least one."""
        ordered = sorted(took_ms)
        return cls(statistics.median(ordered), ordered[int(len(ordered) * 0.99)])


@dataclass(frozen=True, slots=True)
class Answered:
    """How one question was answered: to one client, to a crowd beside a writer, by the bare SQL, by Datasette."""

    question: Question
    alone: Latency
    crowd: Latency
    bare: Latency
    datasette: Latency | None


@dataclass(slots=True)
class Measured:
    """All that was measured of one registry."""

    database: str
    apps: int
    loaded: Loaded | None = None
    size_mib: float = 0
    service_mib: float = 0
    writer_alone: Latency | None = None
    writer_beside: Latency | None = None
    writers: list[float] = field(default_factory=list)
    answers: dict[str, Answered] = field(default_factory=dict)
    drained: dict[str, Drained] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """A registry that answers, and Datasette on the same file where there is one."""

    port: int
    process: int
    datasette_port: int | None


@contextmanager
def serving(url: str, measured: Measured) -> Iterator[Service]:
    """Serve a registry while the block lasts, and keep how much memory it had at most."""
    with ExitStack() as stack:
        port = free_port()
        environment = {
            **os.environ,
            "GOVAPP_REGISTRY_DATABASE_URL": url,
            "GOVAPP_REGISTRY_JOBS__RUNS": "false",
            "GOVAPP_REGISTRY_DATABASE_CONNECTIONS": "24",
        }
        command = python("benchmarks.served", "registry", str(port))
        process = stack.enter_context(running(command, f"http://127.0.0.1:{port}/readyz", environment))
        datasette_port = _datasette(stack, url) if measured.database == SQLITE else None
        yield Service(port, process, datasette_port)
        measured.service_mib = peak_mib(process) or 0


def fill(url: str, service: Service, measured: Measured) -> None:
    """Fill the registry by two processes, while somebody registers single apps."""
    far = measured.apps + 1_000_000
    with writing.writing(service.port, far) as alone:
        time.sleep(_SECONDS)
    measured.writer_alone = Latency.of(alone.took_ms)
    with writing.writing(service.port, far + _WRITERS) as beside:
        measured.loaded = loading.load(url, measured.apps)
    measured.writer_beside = Latency.of(beside.took_ms)
    loading.settle(url)
    measured.size_mib = _size_mib(url)


def question(url: str, service: Service, asked: Question, measured: Measured) -> Answered:
    """Ask one question of all that can answer it."""
    port, requests = (service.port,), tuple(asked.requests)
    load.run(port, *requests, seconds=_SECONDS, answers=_WARM_UP, connections=1)
    alone = load.run(port, *requests, seconds=_SECONDS, connections=1)
    far = measured.apps + 1_000_000 + (2 + len(measured.answers)) * _WRITERS
    with writing.writing(service.port, far) as writer:
        crowd = load.run(port, *requests, seconds=_CROWD_SECONDS, connections=_CROWD)
    measured.writers += writer.took_ms
    statements = bare.overhear(url, requests[:_WARM_UP])
    return Answered(
        asked,
        Latency(alone.p50_ms, alone.p99_ms),
        Latency(crowd.p50_ms, crowd.p99_ms),
        Latency.of(bare.replay(url, statements, _SECONDS)),
        None if service.datasette_port is None else _of_datasette(service.datasette_port, asked.paths),
    )


def _of_datasette(port: int, paths: Sequence[str]) -> Latency:
    try:
        told = load.run((port,), *map(load.get, paths), seconds=_SECONDS, connections=1)
    except RuntimeError:
        # It fails, or takes longer than the load generator waits; neither is a reason to measure nothing else.
        return Latency(math.inf, math.inf)
    return Latency(told.p50_ms, told.p99_ms)


def streams(url: str, service: Service, measured: Measured) -> None:
    """Read all cases: bare, from the store, over HTTP as a whole and in two parts at once; and all offers."""
    measured.drained = {
        "manifests": draining.manifests(url),
        "store": draining.in_process(url),
        "cases": draining.drain(service.port, draining.CASES),
        "parts": draining.drain(service.port, *draining.parts(draining.CASES, 2)),
        "offers": draining.drain(service.port, draining.OFFERS),
    }


def _datasette(stack: ExitStack, url: str) -> int:
    port, file = free_port(), str(make_url(url).database)
    settings = [("sql_time_limit_ms", "60000"), ("facet_time_limit_ms", "60000"), ("facet_suggest_time_limit_ms", "1")]
    command = python("datasette", "serve", file, "--port", str(port))
    for name, value in settings:
        command += ["--setting", name, value]
    stack.enter_context(running(command, f"http://127.0.0.1:{port}/-/versions.json"))
    return port


def _size_mib(url: str) -> float:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Path(str(parsed.database)).stat().st_size / 2**20
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return row[0] / 2**20 if row else 0
