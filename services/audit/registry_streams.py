"""Reading what the registry streams – snapshots and the change feed – in a thread of one's own, line by line."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import httpx
import orjson

from services.audit.registry_client import RegistryUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import TracebackType

    from services.audit.registry_client import RegistryOptions

Conditions = dict[str, list[str]]
"""The conditions of the registry's lists, by name; names and values are the registry's own."""

MOST_CHANGES = 1000
STREAM_PAUSE_S = 60
"""How long the next piece of a stream may take."""

_REVISION = "Registry-Revision"


class RegistryRefused(Exception):
    """The registry says that something in the question is wrong; what it says, as it says it."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        """Take the answer."""
        super().__init__(f"it answered {status}: {problem.get('title', '')}")
        self.status, self.problem = status, problem


@dataclass(frozen=True, slots=True)
class Stream:
    """Lines of JSON that stood at a registry revision, without their ends."""

    revision: int
    lines: Iterator[bytes]


class RegistryStreams:
    """A reader of one registry; use it as a context manager, in one thread at a time."""

    def __init__(self, options: RegistryOptions, transport: httpx.BaseTransport | None = None) -> None:
        """Prepare the connections; nothing is asked yet. A `transport` replaces the network, for tests."""
        self._options = options
        self._http = httpx.Client(
            base_url=options.url,
            headers={} if options.token is None else {"Authorization": f"Bearer {options.token}"},
            timeout=options.deadline_s,
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        """Give the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    @contextmanager
    def snapshot(
        self, what: str, revision: int | None = None, wanted: Mapping[str, str | Sequence[str]] | None = None
    ) -> Iterator[Stream]:
        """Open a snapshot: `offers`, `cases` or `organisations`, as of a registry revision, None: the latest.

        Raises:
            RegistryUnavailable: no usable answer, or the stream broke off.
            RegistryRefused: the registry does not understand what is wanted.

        """
        path = f"/v1/snapshots/{'latest' if revision is None else revision}/{what}"
        timeout = httpx.Timeout(self._options.deadline_s, read=STREAM_PAUSE_S)
        try:
            with self._http.stream("GET", path, params=_parameters(wanted or {}), timeout=timeout) as answer:
                if answer.status_code != httpx.codes.OK:
                    answer.read()
                    raise _refused(answer)
                yield Stream(int(answer.headers[_REVISION]), _lines(answer.iter_bytes()))
        except httpx.HTTPError as error:
            raise RegistryUnavailable(f"{type(error).__name__}: {error}") from error

    def changes(self, since: int, wait_s: float = 0, limit: int = MOST_CHANGES) -> dict[str, Any]:
        """Read on in the change feed; while there is nothing to tell, wait for it for some seconds.

        Raises:
            RegistryUnavailable: no usable answer.
            RegistryRefused: the registry has not reached `since`.

        """
        asked = {"since": str(since), "limit": str(limit), "wait_s": str(wait_s)}
        return self._document("/v1/changes", asked, self._options.deadline_s + wait_s)

    def revision(self) -> int:
        """Give the registry revision.

        Raises:
            RegistryUnavailable: no usable answer.

        """
        return int(self.changes(0, limit=1)["revision"])

    def count(self, wanted: Conditions, revision: int) -> int:
        """Count the apps that meet some conditions as of a registry revision.

        Raises:
            RegistryUnavailable: no usable answer.
            RegistryRefused: the registry does not understand the conditions.

        """
        asked = {**wanted, "as_of": str(revision), "limit": "1", "total": "exact"}
        return int(self._document("/v1/apps", asked, STREAM_PAUSE_S)["total"])

    def _document(self, path: str, asked: Mapping[str, str | Sequence[str]], timeout_s: float) -> dict[str, Any]:
        try:
            answer = self._http.get(path, params=_parameters(asked), timeout=timeout_s)
        except httpx.HTTPError as error:
            raise RegistryUnavailable(f"{type(error).__name__}: {error}") from error
        if answer.status_code != httpx.codes.OK:
            raise _refused(answer)
        try:
            document: dict[str, Any] = orjson.loads(answer.content)
        except ValueError as error:
            raise RegistryUnavailable("its answer was not understood") from error
        return document


def _parameters(asked: Mapping[str, str | Sequence[str]]) -> list[tuple[str, str | int | float | bool | None]]:
    return [
        (name, value) for name, values in asked.items() for value in ([values] if isinstance(values, str) else values)
    ]


def _refused(answer: httpx.Response) -> RegistryRefused | RegistryUnavailable:
    if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.UNPROCESSABLE_ENTITY, httpx.codes.BAD_REQUEST}:
        try:
            return RegistryRefused(answer.status_code, orjson.loads(answer.content))
        except ValueError:
            pass
    return RegistryUnavailable(f"it answered {answer.status_code}")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Cut pieces into lines; one that the stream broke off is none."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        raise RegistryUnavailable("its stream broke off")
