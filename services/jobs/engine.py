"""The engine below: DBOS, embedded. The only module that knows it, imported only by a process that does durable work.

DBOS is one for the whole process, and so is this module: it holds what runs.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import TYPE_CHECKING, Any, TypeVar

from dbos import DBOS, DBOSConfig, DBOSPortableJSONSerializer

from services.jobs.work import Job
from services.web import log_event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from threading import Event

    from dbos import EnqueueOptions

    from services.jobs.jobs import Task
    from services.jobs.settings import JobsSettings

T = TypeVar("T")

VERSION = "1"
"""The version of what is stored: the names of tasks and their arguments. Work of another version is left alone."""

_WORKFLOW = "govapp.job"
_FINISHED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_LOG = logging.getLogger("govapp.jobs")
_AT_ONCE = 500


class Engine:
    """What runs in this process."""

    def __init__(self, tasks: Mapping[str, Task], ending: Event) -> None:
        """Take the tasks by name, and what tells them that the service ends."""
        self._tasks = tasks
        self._ending = ending
        self._at_work = 0
        self._changed = Condition()

    def launch(self, service: str, settings: JobsSettings, url: str, place: str, *, migrates: bool) -> None:
        """Begin to look for work, and take up what this place left behind."""
        global _running  # noqa: PLW0603 - DBOS is one for the process, and so is what it runs
        if _running is not None:
            raise RuntimeError("another service of this process does durable work already")
        _speak_through_root()
        threads = sum(task.at_once for task in self._tasks.values()) + 4
        config: DBOSConfig = {
            "name": f"govapp-{service}",
            "system_database_url": url,
            "dbos_system_schema": f"{service}_jobs",
            "executor_id": place,
            "application_version": VERSION,
            "max_executor_threads": threads,
            "sys_db_pool_size": threads,
            "run_migrations": migrates,
            # It would hold one connection more for news that polling brings as well.
            "use_listen_notify": False,
            "notification_listener_polling_interval_sec": settings.poll_s,
            # Pickle would let whoever writes to that database run code in this process.
            "serializer": DBOSPortableJSONSerializer(),
            "log_level": settings.log_level,
        }
        DBOS(config=config)
        _running = self
        DBOS.launch()
        for name, task in self._tasks.items():
            DBOS.register_queue(
                name,
                worker_concurrency=task.at_once,
                partition_concurrency=1 if task.is_one_per_key else None,
                polling_interval_sec=settings.poll_s,
                on_conflict="always_update",
            )

    def destroy(self) -> None:
        """Look for no more work. What still runs is left to its own end, and done again by whoever comes next."""
        global _running  # noqa: PLW0603 - as above
        DBOS.destroy()
        if _running is self:
            _running = None

    def enqueue(self, task: str, id: str, arguments: Collection[Any], key: str | None, delay_s: float) -> None:
        """Keep a job; one whose id is known is kept once."""
        options: EnqueueOptions = {
            "workflow_name": _WORKFLOW,
            "queue_name": task,
            "workflow_id": id,
            "app_version": VERSION,
        }
        if key is not None:
            options["queue_partition_key"] = key
        if delay_s > 0:
            options["delay_seconds"] = delay_s
        DBOS.enqueue_workflow_with_options(options, task, list(arguments))

    def left_behind(self) -> set[str]:
        """Give the places that have work in progress."""
        running = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        return {each.executor_id for each in running if each.executor_id is not None}

    def take_over(self, place: str) -> None:
        """Let whatever a place has in progress be done by anyone."""
        taken = DBOS._recover_pending_workflows([place])  # noqa: SLF001 - what its own console calls when a process died
        log_event(_LOG, "jobs.taken_over", place=place, jobs=len(taken))

    def forget(self, hours: float) -> int:
        """Forget some of what was finished longer ago, and tell how much."""
        before = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
        finished = DBOS.list_workflows(
            status=_FINISHED, completed_before=before, limit=_AT_ONCE, load_input=False, load_output=False
        )
        if finished:
            DBOS.delete_workflows([each.workflow_id for each in finished])
        return len(finished)

    def wait_until_idle(self, at_most_s: float) -> None:
        """Wait until no task is at work, or the time is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._at_work == 0, at_most_s)

    def run(self, task: str, arguments: list[Any]) -> None:
        """Do a job."""
        job = Job(DBOS.workflow_id or "", self._ending, _step)
        job.go_on()
        self._count(1)
        try:
            self._tasks[task].run(job, *arguments)
        except Exception:
            log_event(_LOG, "job.failed", level=logging.ERROR, failed=True, task=task, job=job.id)
            raise
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._changed:
            self._at_work += more
            self._changed.notify_all()


_running: Engine | None = None


@DBOS.workflow(name=_WORKFLOW, max_recovery_attempts=None)
def _run(task: str, arguments: list[Any]) -> None:
    if _running is not None:
        _running.run(task, arguments)


def _step(name: str, work: Callable[[], T]) -> T:
    return DBOS.run_step({"name": name}, work)


def migrate(service: str, url: str) -> None:
    """Bring the tables of durable work to their newest form."""
    _speak_through_root()
    DBOS.migrate(url, schema=f"{service}_jobs")


def _speak_through_root() -> None:
    # It would write lines of its own form to standard error; this way they are events like all others.
    logger = logging.getLogger("dbos")
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    logger.propagate = True
