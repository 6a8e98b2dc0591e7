"""Durable work: done once, in turn where it must be, and done after all when a process dies over it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from services.jobs import Job, Jobs, JobsSettings, JobsUnavailableError, Task
from services.jobs.settings import JobsSettings as Settings
from services.web import NotReadyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STUCK_AFTER_S = 60
QUICK: dict[str, Any] = {"poll_s": 0.05, "takeover_s": 0.1}
on_sqlite = pytest.mark.parametrize("fresh_database_url", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("fresh_database_url", ["postgresql"], indirect=True)


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STUCK_AFTER_S
    while not is_so():
        assert time.monotonic() < deadline, "it never came to it"
        time.sleep(0.01)


class Seen:
    """What tasks did, in order, and how many were at it at once."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.lock = threading.Lock()
        self.at_work: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    def work(self, _: Job, name: str, key: str = "") -> None:
        with self.lock:
            self.at_work[key] += 1
            self.most[key] = max(self.most[key], self.at_work[key])
        time.sleep(0.02)  # long enough for another one to be at it as well, if that were possible
        with self.lock:
            self.at_work[key] -= 1
            self.done.append(name)

    def fail(self, _: Job, name: str) -> None:
        self.done.append(name)
        raise ValueError(name)

    def remember(self, job: Job, name: str) -> None:
        self.done.append(job.step("first", lambda: f"{name} of {job.id}"))

    def tasks(self) -> list[Task]:
        return [
            Task("many", self.work, at_once=3),
            Task("in_turn", self.work, at_once=3, is_one_per_key=True),
            Task("failing", self.fail),
            Task("remembering", self.remember),
        ]


async def done(seen: Seen, count: int) -> None:
    await asyncio.to_thread(until, lambda: len(seen.done) >= count)


def test_it_is_done_once_in_turn_and_whatever_else_fails(fresh_database_url: str) -> None:
    seen = Seen()

    async def run() -> None:
        async with Jobs("sample", Settings(**QUICK), fresh_database_url, seen.tasks(), migrates=True) as jobs:
            await jobs.check()
            await jobs.enqueue("failing", "f", "f")
            await jobs.enqueue("remembering", "r", "r")
            for n in range(6):
                await jobs.enqueue("many", f"m{n}", f"m{n}", "many")
                await jobs.enqueue("in_turn", f"t{n}", f"t{n}", f"key {n % 2}", key=f"key {n % 2}")
            await jobs.enqueue("many", "m0", "m0 again", "many")
            await jobs.enqueue("many", "late", "late", "many", delay_s=0.05)
            await done(seen, 15)

    asyncio.run(run())
    names = [f"{kind}{n}" for kind in "mt" for n in range(6)]
    assert sorted(seen.done) == sorted([*names, "f", "r of r", "late"])
    assert seen.most["many"] <= 3
    assert seen.most["key 0"] == seen.most["key 1"] == 1


def test_what_was_kept_is_done_by_the_next_process_and_forgotten_later(fresh_database_url: str) -> None:
    begun, seen = threading.Event(), Seen()

    def interrupted(job: Job) -> None:
        begun.set()
        while True:
            job.go_on()
            time.sleep(0.005)

    def resumed(_: Job) -> None:
        seen.done.append("resumed")

    async def run(task: Callable[..., None], end: Callable[[], Any], hours: float = 1) -> None:
        settings = Settings(**QUICK, kept_hours=hours)
        async with Jobs("sample", settings, fresh_database_url, [Task("x", task)], migrates=True) as jobs:
            await jobs.enqueue("x", "x")
            await end()

    async def once_begun() -> None:
        await asyncio.to_thread(begun.wait, STUCK_AFTER_S)

    asyncio.run(run(interrupted, once_begun))
    asyncio.run(run(resumed, lambda: done(seen, 1)))
    assert seen.done == ["resumed"]

    # Once it is forgotten, its id is free again.
    async def again() -> None:
        settings = Settings(**QUICK, kept_hours=1e-9)
        async with Jobs("sample", settings, fresh_database_url, [Task("x", resumed)], migrates=True) as jobs:
            async with asyncio.timeout(STUCK_AFTER_S):
                while len(seen.done) < 2:
                    await jobs.enqueue("x", "x")
                    await asyncio.sleep(0.02)

    asyncio.run(again())


@on_sqlite
def test_a_process_that_does_none_says_so(fresh_database_url: str) -> None:
    async def run() -> None:
        async with Jobs("sample", JobsSettings(runs=False), fresh_database_url, [], migrates=True) as jobs:
            await jobs.check()
            with pytest.raises(JobsUnavailableError):
                await jobs.enqueue("many", "m")

    asyncio.run(run())


@on_postgresql
def test_where_the_tables_are_missing_it_is_not_ready_until_they_are_there(fresh_database_url: str) -> None:
    async def run() -> None:
        async with Jobs("sample", Settings(**QUICK), fresh_database_url, [], migrates=False) as jobs:
            with pytest.raises(NotReadyError):
                await jobs.check()
            async with Jobs("sample", Settings(**QUICK), fresh_database_url, [], migrates=True):
                pass
            await asyncio.to_thread(until, lambda: jobs.is_running)

    asyncio.run(run())


def test_a_service_without_work_does_not_load_the_engine() -> None:
    code = "import sys, services.registry.main, services.jobs; sys.exit('dbos' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=STUCK_AFTER_S).returncode == 0


class Workers:
    """Processes that do durable work, and what they noted."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url, self.directory = url, directory
        self.processes: list[subprocess.Popen[str]] = []
        self.log = (directory / "log").open("a")

    def start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.integration.jobs.worker", self.url, str(self.directory)]
        root = Path(__file__).parents[3]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=self.log, text=True, cwd=root)
        self.processes.append(process)
        return process

    def ready(self) -> subprocess.Popen[str]:
        process = self.start()
        until(lambda: f"ready - {process.pid}" in self.notes())
        return process

    def enqueue(self, process: subprocess.Popen[str], *names: str) -> None:
        assert process.stdin is not None
        for name in names:
            process.stdin.write(f"{name}\n")
        process.stdin.flush()
        until(lambda: all(f"kept {name} {process.pid}" in self.notes() for name in names))

    def notes(self) -> list[str]:
        path = self.directory / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def begun(self, *names: str) -> list[str]:
        return [line for line in self.notes() if line.startswith("begin ") and line.split()[1] in names]

    def ended(self, *names: str) -> bool:
        return all(any(line.startswith(f"end {name} ") for line in self.notes()) for name in names)

    def go(self) -> None:
        (self.directory / "go").touch()

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
        self.log.close()


@contextmanager
def working(url: str, directory: Path) -> Iterator[Workers]:
    workers = Workers(url, directory)
    try:
        yield workers
    finally:
        workers.close()


def test_what_a_killed_process_had_begun_is_done_when_it_comes_back(fresh_database_url: str, tmp_path: Path) -> None:
    with working(fresh_database_url, tmp_path) as workers:
        first = workers.ready()
        workers.enqueue(first, "a", "b")
        until(lambda: len(workers.begun("a", "b")) == 2)
        first.kill()
        first.wait()
        workers.go()
        workers.start()
        until(lambda: workers.ended("a", "b"))
        assert len(workers.begun("a", "b")) == 4


@on_postgresql
def test_another_process_takes_over_from_one_that_was_killed(fresh_database_url: str, tmp_path: Path) -> None:
    with working(fresh_database_url, tmp_path) as workers:
        first = workers.ready()
        workers.enqueue(first, "a", "b", "c")
        until(lambda: len(workers.begun("a", "b", "c")) == 3)
        second = workers.ready()
        workers.enqueue(second, "d")
        until(lambda: len(workers.begun("d")) == 1)
        names = ("a", "b", "c", "d")
        # While both live, neither does what the other has begun.
        assert len(workers.begun(*names)) == 4
        lost = [line.split()[1] for line in workers.begun(*names) if line.endswith(f" {first.pid}")]
        first.kill()
        first.wait()
        until(lambda: len(workers.begun(*lost)) == 2 * len(lost))
        workers.go()
        until(lambda: workers.ended(*names))
        assert len(workers.begun(*names)) == 4 + len(lost)


@on_sqlite
def test_on_sqlite_a_second_process_waits_for_the_first_to_end(fresh_database_url: str, tmp_path: Path) -> None:
    with working(fresh_database_url, tmp_path) as workers:
        first = workers.ready()
        second = workers.start()
        until(lambda: "jobs.not_running" in (tmp_path / "log").read_text())
        workers.enqueue(first, "a")
        until(lambda: len(workers.begun("a")) == 1)
        first.kill()
        first.wait()
        workers.go()
        until(lambda: workers.ended("a"))
        assert [line.split()[2] for line in workers.notes() if line.startswith("end a")] == [str(second.pid)]
