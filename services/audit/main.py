"""The audit service: judges government apps over HTTP."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from services import jobs, web
from services.audit import migrations
from services.audit.api import (
    attestations,
    audits,
    checks,
    decisions,
    evidence,
    finding_moves,
    findings,
    index,
    keys,
    law,
    ledger,
    notices,
    reports,
    sweep_reports,
    sweeps,
    what_if,
)
from services.audit.api.desk import DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE, Desk, KeptAnswers, desk_of
from services.audit.audits import Audits
from services.audit.checks import Checks
from services.audit.continuing import Continuing
from services.audit.decisions import Decisions
from services.audit.following import Following
from services.audit.registry_client import RegistryClient
from services.audit.registry_streams import RegistryStreams
from services.audit.reminding import reminding
from services.audit.settings import AuditSettings
from services.audit.sweeping import Sweeping, watching
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.requests import Request

    from services.audit.registry_client import Transport


_PURPOSE = Text(
    "对照《整治形式主义为基层减负若干规定》第十二至十四条判断政务应用程序。",
    "Judges government apps against Articles 12–14 of the regulation on reducing burdens at the grassroots.",
)


class State(TypedDict):
    """What every request of the service can reach."""

    audits: Audits
    checks: Checks
    decisions: Decisions
    desk: Desk
    jobs: jobs.Jobs
    sweeping: Sweeping


def create_service(
    settings: AuditSettings | None = None,
    transport: Transport | None = None,
    streams: Callable[[], RegistryStreams] | None = None,
) -> web.Service:
    """Make the ASGI object of the audit service; `transport` and `streams` replace the network to the registry."""
    given = settings or AuditSettings()
    reader = streams or partial(RegistryStreams, given.registry())
    following = Following(given.index, reader)

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        desk = Desk(given)
        try:
            migrates = given.migrates_on_start or (given.migrates_on_start is None and not desk.database.is_postgresql)
            if migrates:
                await desk.write(desk.database.migrate)
            sweeping = Sweeping(desk.database, reader, given.index.folder)
            url = given.database_url.get_secret_value()
            continuing = Continuing(desk.database, reader, given.index.folder)
            tasks = (sweeping.task(), continuing.task())
            work = jobs.Jobs("audit", given.jobs, url, tasks, migrates=migrates)
            async with AsyncExitStack() as stack:
                registry = await stack.enter_async_context(RegistryClient(given.registry(), transport))
                if given.index.runs:
                    await stack.enter_async_context(following)
                judging = Checks(registry, following=following if given.index.runs else None)
                stack.callback(sweeping.close)
                stack.callback(continuing.close)
                running = await stack.enter_async_context(work)
                await stack.enter_async_context(watching(desk.database, running))
                remembering = reminding(desk.database, given.reminder_days, given.reminder_poll_s)
                await stack.enter_async_context(remembering)
                yield State(
                    audits=Audits(registry),
                    checks=judging,
                    decisions=Decisions(registry),
                    desk=desk,
                    jobs=running,
                    sweeping=sweeping,
                )
        finally:
            desk.close()

    return web.create_service(
        title="govapp 审查服务 · audit",
        version=version("govapp"),
        description=_PURPOSE.zh + " " + _PURPOSE.en,
        settings=given.web,
        routers=(
            *(checks.router, reports.router, what_if.router, index.router, law.router),
            *(decisions.router, ledger.router, keys.router, sweeps.router, sweep_reports.router),
            *(audits.router, findings.router, finding_moves.router, evidence.router),
            *(attestations.router, notices.router),
        ),
        # The registry is no condition of being ready: without it the rules that need it are undetermined.
        lifespan=lifespan,
        ready_checks={"database": _check_database, "jobs": _check_jobs},
        answers=KeptAnswers(),
        gauges=following.gauges() if given.index.runs else None,
        problem_types=(checks.REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, SIGNING_UNAVAILABLE),
    )


def migrate(settings: AuditSettings | None = None) -> str:
    """Bring the schema of the database to the newest migration, and give its id.

    Raises:
        UnavailableError: the database cannot be reached, or a lock was not to be had; nothing has changed then.

    """
    given = settings or AuditSettings()
    database = given.database()
    try:
        database.migrate()
    finally:
        database.close()
    jobs.migrate("audit", given.jobs, given.database_url.get_secret_value())
    return migrations.head()


def serve(host: str, port: int, settings: AuditSettings | None = None) -> None:
    """Answer until the process is told to end."""
    given = settings or AuditSettings()
    web.serve(create_service(given), host, port, given.web)


async def _check_database(request: Request) -> None:
    desk = desk_of(request)
    await web.require_newest_schema(desk.read(desk.database.is_at_head))


async def _check_jobs(request: Request) -> None:
    work: jobs.Jobs = request.state.jobs
    await work.check()
