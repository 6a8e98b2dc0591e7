"""Asking an audit service over HTTP, for those who check what it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

PAGE = 100
TIMEOUT_S = 60


class AuditUnavailable(Exception):
    """The audit service gave no answer that could be used; says why."""


class AuditClient:
    """A client of one audit service; use it as a context manager."""

    def __init__(self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        """Take where the service listens; a `transport` replaces the network, for tests.

        Raises:
            ValueError: the URL is not one of http or https.

        """
        parsed = httpx.URL(url)
        if parsed.scheme not in {"http", "https"} or not parsed.host:
            raise ValueError(f"no address of an audit: {url!r}")
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(
            base_url=parsed, headers=headers, timeout=TIMEOUT_S, trust_env=False, transport=transport
        )

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def keys(self) -> bytes:
        """Fetch the public keys (JWKS).

        Raises:
            AuditUnavailable: no usable answer.

        """
        return self._ask("GET", "/.well-known/jwks.json").content

    def head(self) -> dict[str, Any]:
        """Fetch how far the ledger has come.

        Raises:
            AuditUnavailable: no usable answer.

        """
        return self._document("GET", "/v1/ledger")

    def checkpoint(self) -> dict[str, Any]:
        """Have a checkpoint issued.

        Raises:
            AuditUnavailable: no usable answer.

        """
        return self._document("POST", "/v1/ledger/checkpoints")

    def checkpoints(self) -> Iterator[dict[str, Any]]:
        """Fetch all checkpoints that were issued.

        Raises:
            AuditUnavailable: no usable answer.

        """
        above = 0
        while items := self._document("GET", f"/v1/ledger/checkpoints?above={above}&limit={PAGE}")["items"]:
            yield from items
            above = items[-1]["size"]

    def entries(self, size: int) -> Iterator[dict[str, Any]]:
        """Fetch the first `size` entries with all that they record, in their order.

        Raises:
            AuditUnavailable: no usable answer.

        """
        start = 0
        while start < size:
            limit = min(PAGE, size - start)
            path = f"/v1/ledger/entries?start={start}&limit={limit}&with_records=true"
            items = self._document("GET", path)["items"]
            if not items:
                return
            yield from items
            start = max(start, items[-1]["place"]) + 1

    def _document(self, method: str, path: str) -> dict[str, Any]:
        try:
            document: dict[str, Any] = self._ask(method, path).json()
        except ValueError as error:
            raise AuditUnavailable("its answer was not understood") from error
        return document

    def _ask(self, method: str, path: str) -> httpx.Response:
        try:
            answer = self._http.request(method, path)
        except httpx.HTTPError as error:
            raise AuditUnavailable(f"{type(error).__name__}: {error}") from error
        if not answer.is_success:
            raise AuditUnavailable(f"it answered {answer.status_code}")
        return answer
