"""Durable work of a service: tasks are enqueued by name, and done by whichever process has time, even after a death.

The engine is imported when it is launched, not before: that takes a second, which neither the command line nor a
service without durable work has to spend.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Self

from services.jobs.store import FilePlace, NoPlaceError, SessionPlaces
from services.text import Text
from services.web import NotReadyError, log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from services.jobs.engine import Engine
    from services.jobs.settings import JobsSettings

_LOG = logging.getLogger("govapp.jobs")
_FORGETTING_S = 300


@dataclass(frozen=True, slots=True)
class Task:
    """A kind of work.

    `run` is called in a thread with a `Job` and the arguments with which it was enqueued (JSON). It may be called again
    from its beginning at any time, so whatever it writes must be writable twice.

    `at_once` says how many jobs one process does at the same time. With `is_one_per_key`, jobs of the same key are done
    one after the other, by all processes together; every job then needs a key.
    """

    name: str
    run: Callable[..., None]
    at_once: int = 1
    is_one_per_key: bool = False


class JobsUnavailableError(Exception):
    """This process does no durable work, or cannot reach where it is kept."""


class Jobs:
    """The durable work of one service in this process.

    `async with Jobs(…):` in a service's lifespan takes a place, launches the engine, and takes up what was left behind.
    """

    def __init__(
        self, service: str, settings: JobsSettings, data_url: str, tasks: Sequence[Task], *, migrates: bool
    ) -> None:
        """Take what is to be run; nothing is opened, and no engine imported yet.

        Args:
            service: the service's name, which is part of the names of places, schema and file.
            settings: whether, where and how often.
            data_url: the URL of the service's data, beside which the work is kept unless settings say otherwise.
            tasks: all that can be enqueued.
            migrates: whether the tables of the work are made, or brought to their newest form, at the start.

        """
        self._service = service
        self._settings = settings
        self._url = url_of(settings, data_url)
        self._tasks = {task.name: task for task in tasks}
        self._migrates = migrates
        self._ending = Event()
        is_file = self._url.startswith("sqlite")
        self._places: FilePlace | SessionPlaces = (
            FilePlace(service, self._url.removeprefix("sqlite:///")) if is_file else SessionPlaces(service, self._url)
        )
        self._engine: Engine | None = None
        self._caretaker: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether jobs are done here, and can be enqueued."""
        return self._engine is not None

    async def __aenter__(self) -> Self:
        """Launch, unless the settings say that this process does no durable work; what fails is tried again later."""
        if self._settings.runs:
            try:
                await asyncio.to_thread(self._launch)
            except Exception:  # noqa: BLE001 - a service whose database is away starts, and says that it is not ready
                log_event(_LOG, "jobs.not_running", level=logging.WARNING, failed=True)
            self._caretaker = asyncio.create_task(self._take_care())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give running tasks some time to end, and leave the rest to be done again."""
        if self._caretaker is not None:
            self._caretaker.cancel()
            await asyncio.gather(self._caretaker, return_exceptions=True)
        await self._stop()

    async def enqueue(
        self,
        task: str,
        id: str,
        *arguments: Any,  # noqa: ANN401 - JSON
        key: str | None = None,
        delay_s: float = 0,
    ) -> None:
        """Keep a job, to be done after a delay. A job whose id was enqueued before is the same job, and done once.

        Args:
            task: its name.
            id: the job's, of all jobs of the service.
            arguments: what the task is called with (JSON).
            key: for a task that is one per key, the key.
            delay_s: how long it waits before it is done, in seconds.

        Raises:
            JobsUnavailableError: no durable work is done here, or it could not be kept.

        """
        engine = self._engine
        if engine is None:
            raise JobsUnavailableError("this process does no durable work")
        try:
            await asyncio.to_thread(engine.enqueue, task, id, arguments, key, delay_s)
        except Exception as error:
            log_event(_LOG, "jobs.not_enqueued", level=logging.ERROR, failed=True, task=task, job=id)
            raise JobsUnavailableError(str(error)) from error

    async def check(self, _: object = None) -> None:
        """Tell whether work is being done; a check of readiness.

        Raises:
            NotReadyError: it should be, and is not.

        """
        if self._settings.runs and self._engine is None:
            raise NotReadyError(Text("后台任务没有运行。", "No durable work is being done."))

    def _launch(self) -> None:
        from services.jobs.engine import Engine  # noqa: PLC0415 - see the module

        self._ending.clear()
        place = self._places.take()
        engine = Engine(self._tasks, self._ending)
        try:
            engine.launch(self._service, self._settings, self._url, place, migrates=self._migrates)
        except BaseException:
            engine.destroy()
            self._places.leave()
            raise
        self._engine = engine
        log_event(_LOG, "jobs.running", place=place, tasks=sorted(self._tasks))

    async def _stop(self) -> None:
        engine, self._engine = self._engine, None
        if engine is None:
            return
        self._ending.set()
        await asyncio.to_thread(engine.wait_until_idle, self._settings.stop_s)
        await asyncio.to_thread(engine.destroy)
        self._places.leave()

    async def _take_care(self) -> None:
        """Take over what dead processes left behind, keep our own place, and forget what was finished long ago."""
        clock = asyncio.get_running_loop().time
        forgetting_at = clock()
        while True:
            await asyncio.sleep(self._settings.takeover_s)
            try:
                if self._engine is None:
                    await asyncio.to_thread(self._launch)
                elif not await asyncio.to_thread(self._places.is_held):
                    # Somebody else has our place, and with it what we had begun: we come back in another one.
                    log_event(_LOG, "jobs.place_lost", level=logging.ERROR)
                    await self._stop()
                else:
                    await asyncio.to_thread(self._take_over, self._engine)
                    if clock() >= forgetting_at:
                        has_more = await asyncio.to_thread(self._engine.forget, self._settings.kept_hours)
                        forgetting_at = clock() + (0 if has_more else _FORGETTING_S)
            except Exception:  # noqa: BLE001 - a database that is away comes back, and so must this
                log_event(_LOG, "jobs.care_failed", level=logging.WARNING, failed=True)

    def _take_over(self, engine: Engine) -> None:
        for place in engine.left_behind():
            with self._places.abandoned(place) as is_abandoned:
                if is_abandoned:
                    engine.take_over(place)


def url_of(settings: JobsSettings, data_url: str) -> str:
    """Give the URL of where the work of a service is kept.

    Args:
        settings: may name the place.
        data_url: the URL of its data: `sqlite:///path` or `postgresql://…`.

    """
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    if not data_url.startswith("sqlite"):
        return data_url
    path = Path(data_url.partition(":///")[2])
    return f"sqlite:///{path.with_name(f'{path.stem}-jobs{path.suffix}')}"


def migrate(service: str, settings: JobsSettings, data_url: str) -> None:
    """Bring the tables of the work of a service to their newest form."""
    from services.jobs import engine  # noqa: PLC0415 - see the module

    if settings.runs:
        engine.migrate(service, url_of(settings, data_url))


__all__ = ["Jobs", "JobsUnavailableError", "NoPlaceError", "Task", "migrate", "url_of"]
