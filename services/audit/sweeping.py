"""The work of sweeps: parts are judged by whichever process has time, and go on by themselves after any death."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

import orjson

from services.audit.cases import Case, Tree
from services.audit.continuing import TASK as FOLLOWING
from services.audit.holding import Page
from services.audit.index import Index, IndexFull
from services.audit.registry_client import RegistryUnavailable
from services.audit.registry_streams import RegistryRefused
from services.audit.regulation import LAWS
from services.audit.store import following_sweeps, sweep_contents
from services.audit.store import sweeps as store
from services.audit.store.sweeps import NotRunningError, OvertakenError, UnknownSweepError
from services.audit.sweep_tables import SweepState
from services.audit.sweeps import Judging, Result
from services.database.doors import UnavailableError, commit
from services.jobs import JobsUnavailableError, Task
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from services.audit.registry_streams import RegistryStreams
    from services.audit.store.database import Database
    from services.audit.sweep_tables import Sweep
    from services.jobs import Job, Jobs

TASK = "sweeps"
BATCH = 1000
"""Cases that are kept together: what a death can cost at most."""

_NO_PART = 0  # parts are counted from 1
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_WATCH_S = 2.0
_MOST_BEHIND = 20_000  # beyond that a snapshot is read anew rather than the feed
_LOG = logging.getLogger("govapp.sweeps")


class Sweeping:
    """Does parts of sweeps, one at a time, with the index of one registry revision at hand."""

    def __init__(self, database: Database, streams: Callable[[], RegistryStreams], folder: Path | None) -> None:
        """Take where results are kept, what opens a reader of the registry, and where facts lie meanwhile."""
        self._database = database
        self.open = streams
        self._folder = folder
        self._index: Index | None = None
        self._tree: tuple[int, Tree] | None = None

    def close(self) -> None:
        """Let the index go; nothing is being done any more."""
        index, self._index = self._index, None
        if index is not None:
            index.close()

    def task(self) -> Task:
        """Give the task that does one part."""
        return Task(TASK, self.run, at_once=1)

    def run(self, job: Job, id: str, part: int) -> None:
        """Do a part of a sweep, from where it has come. What is away is waited for."""
        pause_s = _FIRST_PAUSE_S
        while True:
            job.go_on()
            try:
                self._do(job, id, part)
            except (RegistryUnavailable, UnavailableError, OSError, IndexFull) as error:
                log_event(_LOG, "sweep.waiting", level=logging.WARNING, id=id, part=part, reason=str(error))
                job.ending.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except OvertakenError as error:
                log_event(_LOG, "sweep.overtaken", id=id, part=part, reason=str(error))
            except (NotRunningError, UnknownSweepError):
                return
            except Exception as error:  # noqa: BLE001 - whoever waits for the sweep must be told that it ended
                job.go_on()  # what fails because the service ends is no failure of the sweep
                log_event(_LOG, "sweep.failed", level=logging.ERROR, failed=True, id=id, part=part)
                self._fail(id, f"{type(error).__name__}: {error}")
                return
            else:
                return

    def _do(self, job: Job, id: str, part: int) -> None:
        sweep, _ = store.find(self._database, id)
        if sweep.state != SweepState.RUNNING:
            return
        reached = store.reached(self._database, sweep, part)
        if reached is None:
            return
        wanted = {**orjson.loads(sweep.filter), "partition": [f"{part}/{sweep.parts}"]}
        with self.open() as streams:
            index, tree = self._at(job, streams, sweep.revision)
            judging = Judging(LAWS[sweep.law], sweep.day, index, tree)
            with streams.snapshot("cases", sweep.revision, wanted) as cases:
                batches = _batches(islice(cases.lines, reached.cases, None))
                batch: Sequence[bytes] | None = next(batches, [])
                while batch is not None:
                    job.go_on()
                    following = next(batches, None)
                    results = self._judged(judging, batch)
                    reached = store.keep(self._database, reached, results, is_last=following is None)
                    batch = following

    def _judged(self, judging: Judging, lines: Sequence[bytes]) -> list[Result]:
        seen = [judging.see(Case.read(line)) for line in lines]
        known = sweep_contents.known(self._database, [each.key for each in seen])
        return [Result(each.case.app, each.key, None if each.key in known else judging.judge(each)) for each in seen]

    def _at(self, job: Job, streams: RegistryStreams, revision: int) -> tuple[Index, Tree]:
        """Give the index and the tree of organisations as of exactly this registry revision."""
        index = self._index
        if index is None or not index.revision <= revision <= index.revision + _MOST_BEHIND:
            index = self._load(job, streams, revision)
        try:
            while index.revision < revision:
                Page.read(streams, index.revision, wait_s=0).until(revision).happen(index)
        except (ValueError, IndexFull, RegistryRefused) as error:
            # Half of a change may have happened, or it is another registry.
            log_event(_LOG, "sweep.index_lost", level=logging.WARNING, reason=str(error))
            index = self._load(job, streams, revision)
        if self._tree is None or self._tree[0] != revision:
            with streams.snapshot("organisations", revision) as organisations:
                self._tree = revision, Tree(organisations.lines)
        return index, self._tree[1]

    def _load(self, job: Job, streams: RegistryStreams, revision: int) -> Index:
        self.close()
        with streams.snapshot("offers", revision) as offers:
            self._index = Index.load(revision, _going_on(job, offers.lines), self._folder)
        return self._index

    def _fail(self, id: str, reason: str) -> None:
        try:
            with self._database.changing() as connection:
                store.halt(connection, id, SweepState.FAILED, reason, self._database.now())
                commit(connection)
        except (NotRunningError, UnknownSweepError):
            return


async def enqueue(jobs: Jobs, sweep: Sweep, part: int) -> None:
    """Let somebody do a part. Asked several times, it is done once.

    Raises:
        JobsUnavailableError: this process does no durable work.

    """
    await jobs.enqueue(TASK, f"sweep:{sweep.id}:{sweep.attempt}:{part}", sweep.id, part)


async def enqueue_following(jobs: Jobs, sweep: Sweep) -> None:
    """Let somebody move a sweep on that follows. Asked several times, it is done once.

    Raises:
        JobsUnavailableError: this process does no durable work.

    """
    await jobs.enqueue(FOLLOWING, f"follow:{sweep.id}:{sweep.attempt}", sweep.id, key=FOLLOWING)


async def enqueue_undone(database: Database, jobs: Jobs, known: set[tuple[str, int, int]]) -> None:
    """Let somebody do whatever is undone and was not enqueued from here before.

    Raises:
        JobsUnavailableError: this process does no durable work.
        UnavailableError: the database is away.

    """
    undone = await asyncio.to_thread(store.undone, database)
    following = await asyncio.to_thread(following_sweeps.following, database)
    work = [*undone, *((sweep, _NO_PART) for sweep in following)]
    for sweep, part in work:
        name = (sweep.id, sweep.attempt, part)
        if name not in known:
            await (enqueue_following(jobs, sweep) if part == _NO_PART else enqueue(jobs, sweep, part))
            known.add(name)
    known &= {(sweep.id, sweep.attempt, part) for sweep, part in work}


@asynccontextmanager
async def watching(database: Database, jobs: Jobs) -> AsyncIterator[None]:
    """Look now and then, until the block ends, for parts that nobody has enqueued: whoever should have may be dead."""
    watch = asyncio.create_task(_watch(database, jobs))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(database: Database, jobs: Jobs) -> None:
    known = set[tuple[str, int, int]]()
    while True:
        try:
            if jobs.is_running:
                await enqueue_undone(database, jobs, known)
        except (JobsUnavailableError, UnavailableError) as error:
            log_event(_LOG, "sweeps.not_looked_for", level=logging.WARNING, reason=str(error))
        except Exception:  # noqa: BLE001 - the watch goes on, whatever it stumbles over
            log_event(_LOG, "sweeps.watch_failed", level=logging.ERROR, failed=True)
        await asyncio.sleep(_WATCH_S)


def _going_on(job: Job, lines: Iterator[bytes]) -> Iterator[bytes]:
    for line in lines:
        job.go_on()
        yield line


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(lines, BATCH)):
        yield batch
