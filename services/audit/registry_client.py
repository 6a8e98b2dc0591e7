"""Asking the registry: the only place where the audit speaks HTTP to another machine.

Every question is a read, so a failed one may be asked again. All tries together have one deadline; what cannot be had
by then is unavailable, which is never taken for empty.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

import httpx
import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError

from services.manifest import ties
from services.manifest.model import Manifest, Sponsor
from services.manifest.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from types import TracebackType

Transport = httpx.AsyncBaseTransport
"""What carries requests to the registry; tests put their own in its place."""

_NEIGHBOURHOOD = TypeAdapter(Neighbourhood)
_WORTH_ASKING_AGAIN = frozenset({429, 502, 503, 504})


class Registered(BaseModel):
    """What the audit needs of a registered app; `revision` is that of its last change."""

    revision: int
    withdrawn_at: datetime | None
    manifest: Manifest


class RegistryUnavailable(Exception):
    """The registry gave no answer that could be used; says why."""


@dataclass(frozen=True, slots=True)
class RegistryOptions:
    """How the registry is asked.

    Args:
        url: where it listens, such as `http://127.0.0.1:8401`.
        token: bearer token; None where the registry is open.
        deadline_s: seconds for one question with all its tries.
        tries: how often it is asked at most.
        pause_s: seconds before the second try; doubled before each further one.
        connections: kept open at most.
    """

    url: str
    token: str | None = None
    deadline_s: float = 3.0
    tries: int = 3
    pause_s: float = 0.05
    connections: int = 16


class RegistryClient:
    """A client of one registry with its own small pool of connections; use it as an async context manager."""

    def __init__(self, options: RegistryOptions, transport: Transport | None = None) -> None:
        """Prepare the pool; nothing is asked yet. A `transport` replaces the network, for tests.

        Raises:
            ValueError: the URL is not one of http or https.

        """
        url = httpx.URL(options.url)
        if url.scheme not in {"http", "https"} or not url.host:
            raise ValueError(f"no address of a registry: {options.url!r}")
        self._options = options
        self._http = httpx.AsyncClient(
            base_url=url,
            headers={} if options.token is None else {"Authorization": f"Bearer {options.token}"},
            timeout=options.deadline_s,
            limits=httpx.Limits(max_connections=options.connections, max_keepalive_connections=options.connections),
            transport=transport,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        """Give the client itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def neighbourhood(self, manifest: Manifest, as_of: int | None = None) -> Neighbourhood:
        """Ask for the other apps and grants that bear on an app, now or as of a registry revision.

        Raises:
            RegistryUnavailable: no usable answer within the deadline.

        """
        asked = [{"tie": each.tie, "regions": each.regions} for each in ties.questions(manifest)]
        sponsor = manifest.sponsor or Sponsor()
        named = {name: getattr(sponsor, name) for name in ("credit_code", "name", "root_organ")}
        body: dict[str, Any] = {"app": manifest.id, "sponsor": named, "questions": asked}
        if as_of is not None:
            body["as_of"] = str(as_of)
        answer = await self._ask("POST", "/v1/neighbourhoods", body)
        if answer.status_code != httpx.codes.OK:
            raise _refused(answer)
        try:
            return _NEIGHBOURHOOD.validate_json(answer.content)
        except ValidationError as error:
            raise _not_understood(error) from error

    async def manifest(self, app: str) -> Manifest | None:
        """Fetch the manifest of a registered app; None when the registry knows no such app or it was withdrawn.

        Raises:
            RegistryUnavailable: no usable answer within the deadline.

        """
        registered = await self.registered(app)
        return None if registered is None or registered.withdrawn_at is not None else registered.manifest

    async def registered(self, app: str, as_of: int | None = None) -> Registered | None:
        """Fetch a registered app, now or as of a registry revision; None when the registry knows (or knew) none.

        Raises:
            RegistryUnavailable: no usable answer within the deadline.

        """
        answer = await self._ask("GET", f"/v1/apps/{app}" + ("" if as_of is None else f"?as_of={as_of}"), None)
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx.codes.OK:
            raise _refused(answer)
        try:
            return Registered.model_validate_json(answer.content)
        except ValidationError as error:
            raise _not_understood(error) from error

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        try:
            async with asyncio.timeout(self._options.deadline_s):
                return await self._ask_repeatedly(method, path, body)
        except TimeoutError as error:
            message = f"no answer within {self._options.deadline_s:g} s"
            raise RegistryUnavailable(message) from error
        except httpx.HTTPError as error:
            raise RegistryUnavailable(f"{type(error).__name__}: {error}") from error

    async def _ask_repeatedly(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        content = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        pause = self._options.pause_s
        for left in range(self._options.tries - 1, -1, -1):
            try:
                answer = await self._http.request(method, path, content=content, headers=headers)
            except httpx.TransportError:
                if not left:
                    raise
            else:
                if not left or answer.status_code not in _WORTH_ASKING_AGAIN:
                    return answer
            await asyncio.sleep(pause)
            pause *= 2
        raise RegistryUnavailable("it was not asked at all")


def _refused(answer: httpx.Response) -> RegistryUnavailable:
    return RegistryUnavailable(f"it answered {answer.status_code}")


def _not_understood(error: Exception) -> RegistryUnavailable:
    return RegistryUnavailable(f"its answer was not understood: {type(error).__name__}")
