"""Continuous sweeps: those that follow the registry, moved on by whichever process has time.

One durable job serves all of them. It reads the change feed page by page, judges the apps on which a page bears, and
keeps what it finds otherwise. What bears on every app at once – another day, another law or program, another tree of
organisations, a feed that has run far ahead – is left to a successor, which is an ordinary sweep in parts.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import orjson

from services.audit.asking import Affected, Nation
from services.audit.clock import today
from services.audit.holding import Page
from services.audit.index import IndexFull
from services.audit.registry_client import RegistryUnavailable
from services.audit.registry_streams import RegistryRefused
from services.audit.regulation import LAW, LAWS
from services.audit.store import following_sweeps as store
from services.audit.store import sweep_contents, sweeps
from services.audit.store.following_sweeps import Moved
from services.audit.store.sweeps import NotRunningError, OvertakenError, UnknownSweepError
from services.audit.sweep_orders import Order, prepare
from services.audit.sweep_tables import SweepState
from services.audit.sweeps import Judging, program
from services.database.doors import UnavailableError, commit
from services.jobs import Task
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from services.audit.registry_streams import RegistryStreams
    from services.audit.store.database import Database
    from services.audit.sweep_tables import Sweep
    from services.audit.sweeps import Content
    from services.jobs import Job

TASK = "following-sweeps"
CERTAIN_S = 5.0
"""While nothing changes, how often a sweep is said to be certain of it, in seconds."""

_WAIT_S = 1.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_MOST_BEHIND = 20_000  # a feed so far ahead touches so many apps that all of them are swept
_LOG = logging.getLogger("govapp.sweeps")


class _Lost(Exception):
    """What is held cannot be moved on by the feed."""


class Continuing:
    """Moves the sweeps that follow on, with what is held of the registry at hand."""

    def __init__(
        self,
        database: Database,
        streams: Callable[[], RegistryStreams],
        folder: Path | None,
        day: Callable[[], date] = today,
        wait_s: float = _WAIT_S,
    ) -> None:
        """Take where results are kept, what opens a reader of the registry, and where facts lie meanwhile.

        Args:
            database: the audit's.
            streams: what opens a reader.
            folder: where facts and cases lie; None: where temporary files do.
            day: what day it is.
            wait_s: how long one look at the feed waits while there is nothing new, in seconds.

        """
        self._database = database
        self._open = streams
        self._folder = folder
        self._day = day
        self._wait_s = wait_s
        self._nation: Nation | None = None
        # The last page that was read: the registry revision before it, and on whom it bears. Should what it changes not
        # be kept, because the database is away, it is not lost.
        self._before = 0
        self._affected = Affected()

    def close(self) -> None:
        """Let go of what is held; nothing is being done any more."""
        nation, self._nation = self._nation, None
        if nation is not None:
            nation.close()

    def task(self) -> Task:
        """Give the task that serves all sweeps that follow, until the one for which it was enqueued does no more."""
        return Task(TASK, self.run, at_once=1, is_one_per_key=True)

    def run(self, job: Job, id: str) -> None:
        """Serve all sweeps that follow while one of them does. What is away is waited for."""
        pause_s = _FIRST_PAUSE_S
        while True:
            job.go_on()
            try:
                with self._open() as streams:
                    while self.look(job, streams, id):
                        pause_s = _FIRST_PAUSE_S
                        job.go_on()
            except (RegistryUnavailable, RegistryRefused, UnavailableError, OSError, IndexFull) as error:
                log_event(_LOG, "sweep.following_waits", level=logging.WARNING, id=id, reason=str(error))
                job.ending.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            except (_Lost, OvertakenError) as error:
                log_event(_LOG, "sweep.following_again", level=logging.WARNING, id=id, reason=str(error))
                self.close()
            except Exception as error:  # noqa: BLE001 - whoever relies on the sweep must be told that it ended
                job.go_on()  # what fails because the service ends is no failure of the sweep
                log_event(_LOG, "sweep.failed", level=logging.ERROR, failed=True, id=id)
                self.close()
                self._fail(id, f"{type(error).__name__}: {error}")
                return
            else:
                return

    def look(self, job: Job, streams: RegistryStreams, id: str) -> bool:
        """Look once what there is to be done, and do it; tell whether the sweep with this id follows."""
        following = store.following(self._database)
        if all(each.id != id for each in following):
            return False
        current = [each for each in following if not self._is_due(each)]
        for each in following:
            if each not in current:
                self._begin_successor(each)
        if current:
            self._move_on(job, streams, current)
        return True

    def _is_due(self, sweep: Sweep) -> bool:
        """Tell whether something bears on all apps of a sweep: another day, law or program."""
        return (sweep.day, sweep.law, sweep.program) != (self._day(), LAW.version, program())

    def _begin_successor(self, sweep: Sweep) -> None:
        order = Order(orjson.loads(sweep.asked or "{}"), LAW, self._day(), sweep.who, follows=True)
        successor = prepare(order, self._open)
        successor.chain = sweep.chain
        made = store.succeed(self._database, sweep, successor)
        log_event(_LOG, "sweep.succeeded", id=sweep.id, successor=made.id, day=made.day.isoformat())

    def _begin_anew(self, following: Sequence[Sweep], reason: str) -> None:
        log_event(_LOG, "sweep.begun_anew", reason=reason)
        self.close()
        for each in following:
            self._begin_successor(each)

    def _move_on(self, job: Job, streams: RegistryStreams, following: Sequence[Sweep]) -> None:
        """Let what a page of the feed changes be found in all sweeps; read one when all have come so far."""
        lowest = min(each.revision for each in following)
        try:
            nation = self._at(job, streams, lowest)
            page = Page.read(streams, nation.revision, self._wait_s) if nation.revision <= lowest else None
        except RegistryRefused as error:
            # It has not come so far: it is another registry, or was restored.
            self._begin_anew(following, str(error))
            return
        if page is not None:
            if page.changes_the_tree or page.newest - page.reached > _MOST_BEHIND:
                self._begin_anew(following, "the tree of organisations was changed, or the feed is far ahead")
                return
            self._read(nation, streams, page)
        for each in following:
            job.go_on()
            if each.revision < nation.revision or (each.revision == nation.revision and self._is_old(each)):
                self._follow(streams, nation, each)

    def _read(self, nation: Nation, streams: RegistryStreams, page: Page) -> None:
        before, self._affected = nation.revision, Affected()
        if page.reached > before:
            try:
                self._affected = nation.move_on(streams, page)
            except ValueError as error:
                raise _Lost(str(error)) from error
        self._before = before

    def _at(self, job: Job, streams: RegistryStreams, revision: int) -> Nation:
        """Give what is held: as of a registry revision, or a page further, on whom that bears being known."""
        nation = self._nation
        if nation is None or not self._before <= revision or revision - nation.revision > _MOST_BEHIND:
            self.close()
            nation = self._nation = Nation.load(streams, revision, self._folder, _going_on(job))
            self._before, self._affected = revision, Affected()
        return nation

    def _is_old(self, sweep: Sweep) -> bool:
        certain_at = sweep.certain_at
        return certain_at is None or (self._database.now() - certain_at).total_seconds() >= CERTAIN_S

    def _follow(self, streams: RegistryStreams, nation: Nation, sweep: Sweep) -> None:
        """Let a sweep find what the apps on which something bore give now."""
        affected = self._affected if sweep.revision < nation.revision else Affected()
        had = store.keys(self._database, sweep, affected.apps)
        # Neighbours change nothing about whether an app meets the conditions; what it is itself does.
        belongs = nation.belonging(streams, affected.changed, orjson.loads(sweep.filter))
        apps = [app for app in affected.apps if app in (belongs if app in affected.changed else had)]
        now, judged = self._judged(nation, sweep, apps)
        moved = [
            Moved(app, had.get(app), now.get(app), tuple(sorted(affected.neighbours.get(app, ()))))
            for app in affected.apps
            if had.get(app) != now.get(app)
        ]
        try:
            store.move_on(self._database, sweep, nation.revision, moved, judged)
        except OvertakenError as error:
            log_event(_LOG, "sweep.overtaken", id=sweep.id, reason=str(error))

    def _judged(self, nation: Nation, sweep: Sweep, apps: Sequence[str]) -> tuple[dict[str, str], list[Content]]:
        """Give the keys of what some apps give, and the contents that were not known."""
        holding = nation.holding
        judging = Judging(LAWS[sweep.law], sweep.day, holding.index, holding.tree)
        cases = (holding.cases.find(app) for app in apps)
        seen = [judging.see(case) for case in cases if case is not None]
        known = sweep_contents.known(self._database, [each.key for each in seen])
        judged = [judging.judge(each) for each in seen if each.key not in known]
        return {each.case.app: each.key for each in seen}, judged

    def _fail(self, id: str, reason: str) -> None:
        try:
            with self._database.changing() as connection:
                sweeps.halt(connection, id, SweepState.FAILED, reason, self._database.now())
                commit(connection)
        except (NotRunningError, UnknownSweepError):
            return


def _going_on(job: Job) -> Callable[[Iterator[bytes]], Iterator[bytes]]:
    def passing(lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            job.go_on()
            yield line

    return passing
