"""The services that are measured over HTTP: the audit, its registry context at hand or asked for, and no-ops beside it.

`python -m benchmarks.served at-hand PORT` answers checks with a neighbourhood prepared beforehand,
`… asking PORT REGISTRY_URL` asks a registry, `… indexed PORT REGISTRY_URL BYTES` has it at hand in an index, and
`… registry PORT` is one. `… audit PORT` is the whole audit service. Beside `/v1/checks`, `/v1/nothing` takes the same
body, asks the registry the same question where there is one to ask, does nothing with either, and answers as many
bytes: those of the sample's report, or BYTES.
"""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, TypedDict

import httpx
import orjson
from fastapi import APIRouter, Request, Response

from benchmarks import sample
from services import web
from services.audit import main as audit
from services.audit.api import checks, index, law
from services.audit.checks import Checks
from services.audit.engine import report
from services.audit.following import Following
from services.audit.formats import json as json_format
from services.audit.index_settings import IndexSettings
from services.audit.registry_client import RegistryClient, RegistryOptions
from services.audit.registry_streams import RegistryStreams
from services.audit.regulation import LAW
from services.manifest import ties
from services.manifest.model import Manifest
from services.manifest.reading import MAX_BYTES
from services.registry import main as registry
from services.web import WebSettings, operation, read_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.manifest.neighbourhood import Neighbourhood


_JSON = {"Content-Type": "application/json"}


class State(TypedDict):
    """What every request of the measured audit can reach: it answers checks, and keeps nothing."""

    checks: Checks


class PreparedRegistry(RegistryClient):
    """A registry whose answer is at hand, as it will be where an index of offers lives in the audit's memory."""

    def __init__(self, neighbourhood: Neighbourhood) -> None:
        """Take the answer to every question."""
        super().__init__(RegistryOptions("http://127.0.0.1:9"))
        self._neighbourhood = neighbourhood

    async def neighbourhood(self, manifest: Manifest, as_of: int | None = None) -> Neighbourhood:  # noqa: ARG002 - the double of a question
        """Give it."""
        return self._neighbourhood


def create(
    client: RegistryClient,
    question: httpx.AsyncClient | None,
    following: Following | None = None,
    answer: bytes | None = None,
) -> web.Service:
    """Make the audit service around a registry client, with a no-op beside it.

    Args:
        client: what is asked for neighbourhoods.
        question: what the no-op asks once; None when it asks nothing.
        following: the index, where registered apps are answered from one.
        answer: what the no-op answers; None for the report on the sample.

    """
    case = sample.load()
    if answer is None:
        answer = json_format.render(report(case.manifest(), case.neighbourhood(), LAW, sample.ON))
    asked = [{"tie": each.tie, "regions": each.regions} for each in ties.questions(case.manifest())]
    content = orjson.dumps({"app": case.app, "questions": asked})
    router = APIRouter(prefix="/v1")
    declared = operation("public", body=Manifest, max_body_bytes=MAX_BYTES)

    @router.post("/nothing", summary="Take a body and answer at once", **declared)
    async def nothing(request: Request) -> Response:
        await read_body(request, MAX_BYTES)
        if question is not None:
            said = await question.post(
                "/v1/neighbourhoods", content=content, headers={"Content-Type": "application/json"}
            )
            said.raise_for_status()
        return Response(answer, media_type="application/json")

    @asynccontextmanager
    async def lifespan(_: web.Service) -> AsyncIterator[State]:
        async with client, following or nullcontext():
            yield State(checks=Checks(client, following=following))

    return web.create_service(
        title="benchmark",
        version="1",
        settings=WebSettings(),
        routers=(checks.router, index.router, law.router, router),
        lifespan=lifespan,
        problem_types=(checks.REGISTRY_UNAVAILABLE,),
    )


def main(kind: str, port: int, registry_url: str = "", answer_bytes: str = "0") -> None:
    """Serve until told to end."""
    if kind == "registry":
        service = registry.create_service()
    elif kind == "audit":
        service = audit.create_service()
    elif kind == "at-hand":
        service = create(PreparedRegistry(sample.load().neighbourhood()), None)
    elif kind == "indexed":
        options = RegistryOptions(registry_url)
        following = Following(IndexSettings(runs=True), partial(RegistryStreams, options))
        service = create(RegistryClient(options), None, following, b"x" * int(answer_bytes))
    else:
        options = RegistryOptions(registry_url)
        limits = httpx.Limits(max_connections=options.connections, max_keepalive_connections=options.connections)
        service = create(
            RegistryClient(options), httpx.AsyncClient(base_url=options.url, limits=limits, trust_env=False)
        )
    web.serve(service, "127.0.0.1", port, web.WebSettings())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
