"""Signing keys: made for their owner's eyes, replaced without breaking what was signed, and believed by nobody else."""

from __future__ import annotations

import base64
import stat
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from joserfc import jws
from joserfc.jwk import OKPKey

from services.audit import signing
from services.audit.signing import KeysError, NotGenuineError, PublicKeys, SigningKeys
from services.manifest import receipt

if TYPE_CHECKING:
    from pathlib import Path

KIND = receipt.TYPE
PAYLOAD = b'{"said": true}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "keys.json"
    signing.create(file)
    return file


def public(file: Path) -> PublicKeys:
    return PublicKeys(signing.published(file.read_bytes()))


def test_a_key_is_its_owners_alone_and_never_overwritten(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        signing.create(file)
    signing.rotate(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_what_is_published_holds_no_secret(file: Path) -> None:
    signing.rotate(file)
    published = orjson.loads(signing.published(file.read_bytes()))["keys"]
    assert [set(each) for each in published] == [{"kty", "crv", "x", "kid", "alg", "use"}] * 2
    # Of a former key not even the file keeps more.
    assert ["d" in each for each in orjson.loads(file.read_bytes())["keys"]] == [True, False]


def test_what_a_former_key_has_signed_is_verified_for_ever(file: Path) -> None:
    keys = SigningKeys(file)
    signed = [keys.sign(PAYLOAD, KIND)]
    for _ in range(3):
        # The same object goes on: whoever signs notices a new file by itself.
        signing.rotate(file)
        signed.append(keys.sign(PAYLOAD, KIND))
    assert len({header(each)["kid"] for each in signed}) == 4
    assert [public(file).verify(each, KIND) for each in signed] == [PAYLOAD] * 4
    assert keys.public() == signing.published(file.read_bytes())


def test_another_library_would_verify_it_by_the_published_key_alone(file: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415 - only here

    content, _, signature = SigningKeys(file).sign(PAYLOAD, KIND).rpartition(".")
    (key,) = orjson.loads(signing.published(file.read_bytes()))["keys"]
    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(signature), content.encode())
    assert decoded(content.rpartition(".")[2]) == PAYLOAD


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def header(signed: str) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(decoded(signed.split(".", maxsplit=1)[0]))
    return said


def with_header(signed: str, **changed: Any) -> str:  # noqa: ANN401 - any header
    _, payload, signature = signed.split(".")
    return f"{encoded(orjson.dumps({**header(signed), **changed}))}.{payload}.{signature}"


def test_nothing_else_is_believed(file: Path, tmp_path: Path) -> None:
    signed = SigningKeys(file).sign(PAYLOAD, KIND)
    head, payload, signature = signed.split(".")
    other = tmp_path / "other.json"
    signing.create(other)
    kid = header(signed)["kid"]
    forged = {"alg": "Ed25519", "typ": KIND, "kid": kid}
    stranger = OKPKey.generate_key("Ed25519")
    for text in (
        "",
        "收据",
        "a.b.c",
        "." * 2,
        f"{head}.{encoded(b'{}')}.{signature}",
        f"{head}.{payload}.{encoded(bytes(64))}",
        f"{head}.{payload}.",
        with_header(signed, typ="JWT"),
        with_header(signed, kid="another"),
        with_header(signed, alg="none"),
        with_header(signed, alg="HS256"),
        SigningKeys(other).sign(PAYLOAD, KIND),
        jws.serialize_compact(forged, PAYLOAD, stranger, algorithms=["Ed25519"]),
        SigningKeys(file).sign(PAYLOAD, "another-type"),
    ):
        with pytest.raises(NotGenuineError):
            public(file).verify(text, KIND)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"keys": 1}', b"no", b" " * (signing.MAX_BYTES + 1)])
def test_what_is_no_file_of_keys_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(content)
    for use in (
        lambda: SigningKeys(file).sign(PAYLOAD, KIND),
        lambda: PublicKeys(content),
        lambda: signing.rotate(file),
    ):
        with pytest.raises(KeysError):
            use()
    with pytest.raises(KeysError):
        SigningKeys(tmp_path / "none").sign(PAYLOAD, KIND)


def test_public_keys_sign_nothing(file: Path, tmp_path: Path) -> None:
    only = tmp_path / "public.json"
    only.write_bytes(signing.published(file.read_bytes()))
    with pytest.raises(KeysError):
        SigningKeys(only).sign(PAYLOAD, KIND)
