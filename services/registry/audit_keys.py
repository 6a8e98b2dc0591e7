"""The public keys of the audit, by which receipts are verified: read from a file or fetched, and kept for a while.

Keys are never believed for longer than `MAX_AGE_S`: when they cannot be had again after that, nothing is approved. That
costs nothing, for whoever cannot give its keys makes no decisions either.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_AGE_S = 300
"""How long keys are believed before they are had again."""
PAUSE_S = 5
"""How long an unknown key, or a failure, is remembered before the keys are asked for again."""
TIMEOUT_S = 3
"""How long fetching them may take."""
MAX_BYTES = 256 * 1024
"""The largest set of keys."""


class KeysUnavailableError(Exception):
    """The keys cannot be had; the message says why."""


class AuditKeys:
    """The keys published at one place, by their ids."""

    def __init__(self, source: str | None, clock: Callable[[], float] = time.monotonic) -> None:
        """Take where the keys are; nothing is read yet.

        Args:
            source: path of a JWKS file, or an http(s) URL; None: there are none, so nothing can be verified.
            clock: a monotonic clock in seconds.

        """
        self._source = source
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, OKPKey] = {}
        self._had_at = float("-inf")
        self._failed_at = float("-inf")
        self._failure = ""

    def find(self, kid: str) -> OKPKey | None:
        """Give the key of an id, asking for the keys again when it is not among those known; None: there is none.

        Raises:
            KeysUnavailableError: the keys cannot be had.

        """
        with self._lock:
            age_s = self._clock() - self._had_at
            if age_s > MAX_AGE_S or (kid not in self._keys and age_s > PAUSE_S):
                self._refresh()
            return self._keys.get(kid)

    def _refresh(self) -> None:
        if self._clock() - self._failed_at < PAUSE_S:
            raise KeysUnavailableError(self._failure)
        try:
            self._keys = _read(self._content())
        except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL, KeysUnavailableError) as error:
            self._failed_at, self._failure = self._clock(), f"{type(error).__name__}: {error}"
            raise KeysUnavailableError(self._failure) from error
        self._had_at = self._clock()

    def _content(self) -> bytes:
        if self._source is None:
            raise KeysUnavailableError("no place of the audit's keys is configured")
        if self._source.startswith(("http://", "https://")):
            return _fetched(self._source)
        with Path(self._source).open("rb") as file:
            return _limited(file.read(MAX_BYTES + 1))


def _fetched(url: str) -> bytes:
    # Each part of an answer may take as long as the time-out, so the whole of it has an end of its own.
    ends_at = time.monotonic() + TIMEOUT_S
    content = b""
    with (
        httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client,
        client.stream("GET", url, headers={"Accept": "application/jwk-set+json, application/json"}) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise KeysUnavailableError(f"it answered {answer.status_code}")
        for part in answer.iter_bytes():
            content = _limited(content + part)
            if time.monotonic() > ends_at:
                raise KeysUnavailableError(f"it took longer than {TIMEOUT_S} s")
    return content


def _limited(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise KeysUnavailableError(f"there are more than {MAX_BYTES} bytes")
    return content


def _read(content: bytes) -> dict[str, OKPKey]:
    """Give the keys that receipts are signed with; others of the set, of whatever kind, are passed over."""
    document = orjson.loads(content)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise KeysUnavailableError("this is no JWKS")
    return {each["kid"]: _key(each) for each in listed if _is_ours(each)}


def _is_ours(key: Any) -> bool:  # noqa: ANN401 - whatever the document holds
    return (
        isinstance(key, dict)
        and (key.get("kty"), key.get("crv")) == ("OKP", "Ed25519")
        and isinstance(key.get("kid"), str)
        and isinstance(key.get("x"), str)
        and key.get("use", "sig") == "sig"
    )


def _key(described: dict[str, str]) -> OKPKey:
    try:
        # What verifies needs no more than this, should somebody have published more.
        return OKPKey.import_key({name: described[name] for name in ("kty", "crv", "x", "kid")})
    except (JoseError, ValueError) as error:
        raise KeysUnavailableError(f"the key {described['kid']} is malformed") from error
