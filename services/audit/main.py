"""The audit service: judges government apps over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, TypedDict

from services import web
from services.audit.api import checks, law
from services.audit.checks import Checks
from services.audit.registry_client import RegistryClient
from services.audit.settings import AuditSettings
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.audit.registry_client import Transport


_PURPOSE = Text(
    "对照《整治形式主义为基层减负若干规定》第十二至十四条判断政务应用程序。",
    "Judges government apps against Articles 12–14 of the regulation on reducing burdens at the grassroots.",
)


class State(TypedDict):
    """What every request of the service can reach."""

    checks: Checks


def create_service(settings: AuditSettings | None = None, transport: Transport | None = None) -> web.Service:
    """Make the ASGI object of the audit service; a `transport` replaces the network to the registry, for tests."""
    given = settings or AuditSettings()

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        async with RegistryClient(given.registry(), transport) as registry:
            yield State(checks=Checks(registry))

    return web.create_service(
        title="govapp 审查服务 · audit",
        version=version("govapp"),
        description=_PURPOSE.zh + " " + _PURPOSE.en,
        settings=given.web,
        routers=(checks.router, law.router),
        # The registry is no condition of being ready: without it the rules that need it are undetermined.
        lifespan=lifespan,
        problem_types=(checks.REGISTRY_UNAVAILABLE,),
    )


def serve(host: str, port: int, settings: AuditSettings | None = None) -> None:
    """Answer until the process is told to end."""
    given = settings or AuditSettings()
    web.serve(create_service(given), host, port, given.web)
