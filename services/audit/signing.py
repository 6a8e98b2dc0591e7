"""Signing and verifying: JWS in compact form, with keys that are replaced from time to time.

A file of keys is a JWKS. Its first key signs and is private; those after it signed in former times, and of them only
the public part is kept, so that what they signed can be verified for ever. A key says by itself which algorithm it is
for, and `ALGORITHMS` says which there may be.
"""

from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from services.manifest import receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS: Final[Mapping[str, tuple[str, str]]] = {receipt.ALGORITHM: ("OKP", "Ed25519")}
"""Every algorithm (`alg`), and the kind of key it needs (`kty`, `crv`)."""

MAX_BYTES = 256 * 1024
"""The largest file of keys."""

_PUBLIC = ("kty", "crv", "x", "kid", "alg", "use")


class KeysError(Exception):
    """The keys cannot be used; the message says why."""


class NotGenuineError(Exception):
    """What was signed is not what it says; the message says why."""


class _Registry(jws.JWSRegistry):
    max_payload_length = receipt.MAX_CHARACTERS


_REGISTRY = _Registry(algorithms=list(ALGORITHMS))


class PublicKeys:
    """Public keys by their ids."""

    def __init__(self, jwks: bytes) -> None:
        """Read a JWKS; keys of a kind not known here are passed over.

        Raises:
            KeysError: it is no JWKS, or a key is malformed.

        """
        try:
            self._keys = {each["kid"]: (each["alg"], _key(each, is_private=False)) for each in _listed(jwks)}
        except (KeyError, TypeError, ValueError, JoseError) as error:
            raise KeysError(f"{type(error).__name__}: {error}") from error

    def verify(self, text: str, kind: str) -> bytes:
        """Give the payload of what one of these keys has signed.

        Args:
            text: the JWS in compact form.
            kind: the `typ` it must have.

        Raises:
            NotGenuineError: it is no such JWS, of an unknown key, or was changed.

        """
        try:
            signed = jws.extract_compact(text.strip().encode("ascii"), registry=_REGISTRY)
            header = dict(signed.headers())
        except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
            raise NotGenuineError("it is no JWS in compact form") from error
        if header.get("typ") != kind:
            raise NotGenuineError(f"its `typ` is not {kind}")
        algorithm, key = self._keys.get(str(header.get("kid")), (None, None))
        if key is None:
            raise NotGenuineError(f"there is no key {header.get('kid')}")
        # The key says which algorithm it is for; a header that claims another one is not believed.
        if header.get("alg") != algorithm:
            raise NotGenuineError(f"the key is for {algorithm}, not for {header.get('alg')}")
        try:
            is_genuine = jws.validate_compact(signed, key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError) as error:
            raise NotGenuineError("its signature cannot be verified") from error
        if not is_genuine:
            raise NotGenuineError("the signature is not of this content and key")
        return signed.payload


class SigningKeys:
    """A file of keys, which is read again when it was replaced."""

    def __init__(self, path: Path) -> None:
        """Take where the file is; nothing is read yet."""
        self._path = path
        self._lock = threading.Lock()
        self._seen: tuple[int, ...] = ()
        self._content = b""
        self._header: dict[str, str] = {}
        self._key: OKPKey | None = None

    def sign(self, payload: bytes, kind: str) -> str:
        """Sign a payload with the present key; `kind` is the `typ` of the header.

        Raises:
            KeysError: the file cannot be read, or its first key is no private one.

        """
        with self._lock:
            self._refresh()
            header, key = {**self._header, "typ": kind}, self._key
        return jws.serialize_compact(header, payload, key, registry=_REGISTRY)

    def public(self) -> bytes:
        """Give the public keys, the present and the former ones, as a JWKS.

        Raises:
            KeysError: the file cannot be read.

        """
        with self._lock:
            self._refresh()
            return published(self._content)

    def _refresh(self) -> None:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if seen == self._seen:
                return
            content = self._path.read_bytes()
            first = _listed(content)[0]
            self._key, self._content = _key(first, is_private=True), content
            self._header = {"alg": first["alg"], "kid": first["kid"]}
            self._seen = seen
        except (OSError, LookupError, TypeError, ValueError, JoseError) as error:
            raise KeysError(f"{self._path}: {type(error).__name__}: {error}") from error


def published(jwks: bytes) -> bytes:
    """Give the public part of a file of keys.

    Raises:
        KeysError: it is no JWKS.

    """
    try:
        keys = [{name: each[name] for name in _PUBLIC} for each in _listed(jwks)]
    except (KeyError, TypeError, ValueError) as error:
        raise KeysError(f"{type(error).__name__}: {error}") from error
    return orjson.dumps({"keys": keys})


def create(path: Path) -> str:
    """Make a file with a new key; give the id of the key.

    Raises:
        FileExistsError: there is such a file.
        OSError: it cannot be written.

    """
    key = _new()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(_written([key]))
    return str(key["kid"])


def rotate(path: Path) -> str:
    """Put a new key before those of a file, and keep only the public part of these; give the id of the new key.

    The file is replaced as a whole, so whoever reads it meets either the old one or the new one.

    Raises:
        KeysError: the file holds no keys.
        OSError: it cannot be read or written.

    """
    key = _new()
    former = orjson.loads(published(path.read_bytes()))["keys"]
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_written([key, *former]))
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return str(key["kid"])


def _new() -> dict[str, Any]:
    key = OKPKey.generate_key("Ed25519")
    # The id is the thumbprint of the key (RFC 7638): two keys never share one.
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "alg": receipt.ALGORITHM, "use": "sig"}


def _written(keys: list[dict[str, Any]]) -> bytes:
    return orjson.dumps({"keys": keys}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _listed(jwks: bytes) -> list[dict[str, str]]:
    if len(jwks) > MAX_BYTES:
        raise ValueError(f"more than {MAX_BYTES} bytes")
    document = orjson.loads(jwks)
    listed = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise TypeError("this is no JWKS")
    return [each for each in listed if isinstance(each, dict) and _is_ours(each)]


def _is_ours(key: Mapping[str, Any]) -> bool:
    return ALGORITHMS.get(str(key.get("alg"))) == (key.get("kty"), key.get("crv"))


def _key(described: Mapping[str, str], *, is_private: bool) -> OKPKey:
    names = ("kty", "crv", "x", *(["d"] if is_private else []))
    return OKPKey.import_key({name: described[name] for name in names})
