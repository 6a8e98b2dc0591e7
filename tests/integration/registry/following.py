"""A registry in this process as the audit reaches it – or does not – and whoever follows it."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from services.audit.checks import Checks
from services.audit.following import Following, State
from services.audit.index_settings import IndexSettings
from services.audit.registry_client import RegistryClient, RegistryOptions
from services.audit.registry_streams import RegistryStreams

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from starlette.testclient import TestClient

OPTIONS = RegistryOptions("http://registry.test", tries=1, deadline_s=30)
DEADLINE_S = 60
"""Seconds for what takes some milliseconds, so that only what never happens runs into it."""


@dataclass
class Line:
    """The line from the audit to the registry; it can be cut."""

    http: TestClient
    is_cut: bool = False
    asked: int = 0

    def carry(self, request: httpx.Request) -> httpx.Response:
        """Take a request to the registry, and its answer back."""
        if self.is_cut:
            raise httpx.ConnectError("refused", request=request)
        self.asked += 1
        answer = self.http.request(
            request.method, request.url.raw_path.decode(), content=request.read(), headers=dict(request.headers)
        )
        kept = {"Content-Type", "Registry-Revision"}
        headers = {name: value for name, value in answer.headers.items() if name.title() in kept}
        return httpx.Response(answer.status_code, content=answer.content, headers=headers)

    def streams(self) -> RegistryStreams:
        """Open a reader of the registry."""
        return RegistryStreams(OPTIONS, httpx.MockTransport(self.carry))

    def client(self) -> RegistryClient:
        """Open a client of the registry."""
        return RegistryClient(OPTIONS, httpx.MockTransport(self.carry))


def settings(**given: object) -> IndexSettings:
    """Give settings with which following is quick."""
    return IndexSettings.model_validate({"runs": True, "wait_s": 0.1, "longest_pause_s": 0.2, **given})


@asynccontextmanager
async def checking(line: Line, **given: object) -> AsyncIterator[Checks]:
    """Follow the registry, and give what checks from the index; it is loaded already."""
    async with Following(settings(**given), line.streams) as following, line.client() as client:
        until(lambda: following.standing().state == State.FOLLOWING)
        yield Checks(client, following=following)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it never was.

    """
    ending = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < ending, "it never was so"
        time.sleep(0.01)
