"""Asking an audit service over HTTP, for those who check what it keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

PAGE = 100
TIMEOUT_S = 60


class AuditUnavailable(Exception):
    """The audit service gave no answer that could be used; says why."""


class AuditRefused(AuditUnavailable):
    """The audit service does not accept what was sent; says what it says."""


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

    def begin_sweep(self, conditions: dict[str, list[str]], on: str | None, *, follows: bool = False) -> dict[str, Any]:
        """Order a sweep of the apps that meet some conditions, on a day (None: today), which may then follow.

        Raises:
            AuditRefused: something in it is wrong.
            AuditUnavailable: no usable answer.

        """
        body = {"filter": conditions, **({} if on is None else {"on": on}), **({"follows": True} if follows else {})}
        # Should the answer be lost, the sweep is found again instead of ordered twice.
        return self._document("POST", "/v1/sweeps", body, {"Idempotency-Key": str(uuid4())})

    def sweep(self, id: str) -> dict[str, Any]:
        """Fetch a sweep, and how far it has come.

        Raises:
            AuditRefused: there is none.
            AuditUnavailable: no usable answer.

        """
        return self._document("GET", f"/v1/sweeps/{id}")

    def sweep_changes(self, id: str, since: int, wait_s: float) -> dict[str, Any]:
        """Fetch what has changed in a sweep that follows after a number; wait some seconds while there is nothing.

        Raises:
            AuditRefused: there is no such sweep, or it does not follow.
            AuditUnavailable: no usable answer.

        """
        return self._document("GET", f"/v1/sweeps/{id}/changes?since={since}&wait_s={wait_s}")

    def sweep_statistics(self, id: str) -> dict[str, Any]:
        """Fetch what a sweep found, counted by rule.

        Raises:
            AuditUnavailable: no usable answer.

        """
        return self._document("GET", f"/v1/sweeps/{id}/statistics")

    def _document(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            document: dict[str, Any] = self._ask(method, path, body, headers).json()
        except ValueError as error:
            raise AuditUnavailable("its answer was not understood") from error
        return document

    def _ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        try:
            answer = self._http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise AuditUnavailable(f"{type(error).__name__}: {error}") from error
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY}:
            raise AuditRefused(_said(answer))
        if not answer.is_success:
            raise AuditUnavailable(f"it answered {answer.status_code}")
        return answer


def _said(answer: httpx.Response) -> str:
    """Give what a problem says, with the places it names."""
    try:
        problem = answer.json()
    except ValueError:
        return f"it answered {answer.status_code}"
    faults = [f"{each['pointer']}: {each['detail']}" for each in problem.get("errors", ())]
    return "; ".join(faults) or str(problem.get("detail", answer.status_code))
