"""Sending a webhook: one POST to the very address that was checked, within a time, and nothing followed or kept."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx

from services.registry.webhooks import addresses

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from services.registry.webhooks.settings import WebhooksSettings

    Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

MOST_ANSWER_BYTES = 16 * 1024
"""How much of an answer is read, so that the receiver can end it; nothing of it is kept."""

GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: delivered when `error` is None, which is a word or `status NNN`."""

    status: int | None
    error: str | None
    took_ms: int
    retry_after_s: float = 0


async def resolve(host: str, port: int) -> Sequence[str]:
    """Give the addresses of a name.

    Raises:
        OSError: it has none, or nobody knows.

    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Sender:
    """Sends webhooks from one event loop."""

    def __init__(self, settings: WebhooksSettings, resolver: Resolver = resolve) -> None:
        """Take where webhooks may go, and who knows the addresses of names."""
        self._settings = settings
        self._resolve = resolver
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Let all connections go."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        """Post a body once, and tell how that ended; whatever happens is an outcome."""
        began = time.monotonic()
        status, error, retry_after_s = None, None, 0.0
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                status, retry_after_s = await self._post(url, headers, body)
            if not httpx.codes.is_success(status):
                error = f"status {status}"
        except addresses.UrlRefusedError:
            error = "address refused"
        except (TimeoutError, httpx.TimeoutException):
            error = "timeout"
        except socket.gaierror:
            error = "name unknown"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as failure:
            error = "tls" if _is_tls(failure) else "connection"
        return Outcome(status, error, round((time.monotonic() - began) * 1000), retry_after_s)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, float]:
        target = addresses.target(url, self._settings)
        address = await self._checked_address(target)
        client = self._open()
        request = client.build_request(
            "POST",
            # The address takes the place of the name, which is said in Host and proved by the certificate.
            httpx.URL(scheme=target.scheme, host=address, port=target.port, raw_path=target.path.encode("ascii")),
            headers={**headers, "Host": target.authority},
            content=body,
            extensions={"sni_hostname": target.host},
        )
        response = await client.send(request, stream=True)
        try:
            read = 0
            async for part in response.aiter_raw():
                read += len(part)
                if read > MOST_ANSWER_BYTES:
                    break
        finally:
            await response.aclose()
        return response.status_code, _retry_after(response.headers.get("Retry-After", ""))

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            # Connections are not kept: one that was checked for one name must not serve another at the same address.
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                verify=ssl.create_default_context(),
                timeout=self._settings.timeout_s,
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._client

    async def _checked_address(self, target: addresses.Target) -> str:
        allowed = self._settings.allowed_networks
        for address in await self._resolve(target.host, target.port):
            if addresses.is_permitted(address, allowed):
                return address
        raise addresses.refused_address()


def from_threads(sender: Sender) -> Callable[[str, Mapping[str, str], bytes], Outcome]:
    """Give `send` for threads, which wait while it is done in the event loop that calls this."""
    loop = asyncio.get_running_loop()

    def send(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        return asyncio.run_coroutine_threadsafe(sender.send(url, headers, body), loop).result()

    return send


def _retry_after(said: str) -> float:
    """Read a Retry-After header: seconds, or an HTTP date; 0 when it says nothing."""
    if said.isascii() and said.isdecimal() and len(said) < 10:  # noqa: PLR2004 - longer than anybody would wait
        return float(said)
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError):
        return 0
    seconds = (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return max(0.0, math.ceil(seconds))


def _is_tls(failure: BaseException | None) -> bool:
    while failure is not None:
        if isinstance(failure, ssl.SSLError):
            return True
        failure = failure.__cause__ or failure.__context__
    return False
