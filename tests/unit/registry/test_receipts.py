"""Receipts: only what the audit signed to let this app be approved passes; everything else is refused with a reason."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OctKey

from benchmarks.auditor import Auditor
from services.manifest import receipt
from services.manifest.ties import Question
from services.registry import receipts
from services.registry.audit_keys import AuditKeys, KeysUnavailableError
from services.registry.refusals import RefusedError
from tests import world

KIDS: tuple[Any, ...] = ([], {}, 1, None, "\ud800", "")
AUDITOR = Auditor()
IMPOSTOR = Auditor(AUDITOR.kid)
DAY = date(2026, 3, 1)
MANIFEST = world.manifest({"id": "app-1", "sector": "示例行业", "asks": [{"code": "i-1"}], "regions": ["33", "34"]})


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> AuditKeys:
    file = tmp_path_factory.mktemp("keys") / "jwks.json"
    file.write_bytes(orjson.dumps({"keys": [Auditor("example-0").public(), AUDITOR.public()]}))
    return AuditKeys(str(file))


def claims(**changed: Any) -> receipt.Claims:  # noqa: ANN401 - any claim
    return AUDITOR.claims(MANIFEST, 7, DAY, **changed)


def verify(text: str, keys: AuditKeys) -> receipt.Claims:
    return receipts.verify(text, "app-1", keys, receipt.ISSUER, datetime.now(UTC))


def refused(text: str, keys: AuditKeys) -> str:
    """Give the reason why a receipt is refused."""
    with pytest.raises(RefusedError) as error:
        verify(text, keys)
    (objection,) = error.value.objections
    assert objection.place == "/receipt"
    return objection.fact.en


def coded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def payload(**changed: Any) -> bytes:  # noqa: ANN401 - any claim
    """Give a payload in which claims are set, or left out where they are None."""
    said = {**orjson.loads(receipt.write(claims())), **changed}
    return orjson.dumps({name: value for name, value in said.items() if value is not None})


def test_a_genuine_receipt_tells_what_was_asked(keys: AuditKeys) -> None:
    issued = claims()
    assert verify(AUDITOR.sign(issued), keys) == issued
    regions = ("33", "34")
    expected = [Question("item:code=i-1", regions), Question("platform:33", ("33",)), Question("platform:34", ("34",))]
    assert sorted(issued.questions(), key=lambda each: each.tie) == [
        *expected,
        Question("sector:示例行业", regions),
    ]


def test_what_a_receipt_says_besides_does_no_harm(keys: AuditKeys) -> None:
    verdicts = {"12.1": "compliant"}
    assert verify(AUDITOR.sign(payload(verdicts=verdicts)), keys).sub == "app-1"


def test_a_receipt_for_an_app_with_the_most_ties_there_can_be_is_read(keys: AuditKeys) -> None:
    ties = tuple(f"item:name={n:04}{'数' * 196}" for n in range(1000))
    assert len(verify(AUDITOR.sign(claims(asked=(receipt.Asked(ties, ("",)),))), keys).asked[0].ties) == 1000


class TestForgeries:
    def test_no_algorithm(self, keys: AuditKeys) -> None:
        header = coded(orjson.dumps({"alg": "none", "kid": AUDITOR.kid, "typ": receipt.TYPE}))
        for signature in ("", coded(b"x" * 64)):
            assert "not signed with Ed25519" in refused(f"{header}.{coded(payload())}.{signature}", keys)

    def test_a_mac_keyed_with_the_public_key(self, keys: AuditKeys) -> None:
        public = AUDITOR.public()["x"]
        for secret in (public, base64.urlsafe_b64decode(public + "=")):
            key = OctKey.import_key(secret)
            header = {"alg": "HS256", "kid": AUDITOR.kid, "typ": receipt.TYPE}
            assert "not signed with Ed25519" in refused(jws.serialize_compact(header, payload(), key), keys)

    def test_another_key_under_the_same_id(self, keys: AuditKeys) -> None:
        assert "signature" in refused(IMPOSTOR.sign(payload()), keys)

    def test_a_key_that_was_not_published(self, keys: AuditKeys) -> None:
        assert "not published a key unknown" in refused(AUDITOR.sign(payload(), kid="unknown"), keys)
        assert "does not name its key" in refused(AUDITOR.sign(payload(), kid=None), keys)

    def test_another_key_of_the_audit(self, keys: AuditKeys) -> None:
        assert "signature" in refused(AUDITOR.sign(payload(), kid="example-0"), keys)

    def test_a_key_that_it_brings_along(self, keys: AuditKeys) -> None:
        brought = {"jwk": IMPOSTOR.public(), "jku": "https://example.invalid/jwks.json"}
        assert "signature" in refused(IMPOSTOR.sign(payload(), **brought), keys)

    def test_a_payload_that_was_changed(self, keys: AuditKeys) -> None:
        header, _, signature = AUDITOR.sign(payload()).split(".")
        assert "signature" in refused(f"{header}.{coded(payload(revision=8))}.{signature}", keys)

    @pytest.mark.parametrize("signature", ["", "x", coded(b"x"), coded(b"x" * 63), coded(b"x" * 64), coded(b"x" * 65)])
    def test_a_signature_that_is_none(self, keys: AuditKeys, signature: str) -> None:
        header, content, _ = AUDITOR.sign(payload()).split(".")
        assert "signature" in refused(f"{header}.{content}.{signature}", keys)

    def test_something_else_that_the_audit_signed(self, keys: AuditKeys) -> None:
        for typ in ("govapp-checkpoint+jwt", "JWT", None):
            assert "`typ`" in refused(AUDITOR.sign(payload(), typ=typ), keys)

    def test_an_extension_that_must_be_understood(self, keys: AuditKeys) -> None:
        assert refused(AUDITOR.sign(payload(), crit=["example"], example=True), keys)
        assert refused(AUDITOR.sign(payload(), crit=1), keys)


class TestClaims:
    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"sub": "app-2"}, "of the app app-2"),
            ({"iss": "example-audit"}, "issued by example-audit"),
            ({"outcome": "refer"}, "its outcome is refer"),
            ({"outcome": "return"}, "its outcome is return"),
            ({"purpose": "annual review"}, "was for annual review"),
            ({"iat": 2**63 - 1}, "in the future"),
            ({"iat": 1.5}, "/iat"),
            ({"iat": "1"}, "/iat"),
            ({"revision": -1}, "/revision"),
            ({"revision": 2**63}, "/revision"),
            ({"revision": "7"}, "/revision"),
            ({"jti": "a b"}, "/jti"),
            ({"jti": ""}, "/jti"),
            ({"manifest": "sha256:0"}, "/manifest"),
            ({"day": "2026-02-30"}, "/day"),
            ({"day": 1}, "/day"),
            ({"day": "2026-03-01T00:00:00"}, "/day"),
            ({"asked": [{"ties": [], "regions": [""]}]}, "/asked/0/ties"),
            ({"asked": [{"ties": ["item:x"], "regions": []}]}, "/asked/0/regions"),
            ({"asked": [{"ties": ["item:x"], "regions": ["3x"]}]}, "/asked/0/regions/0"),
            ({"asked": [{"ties": ["x" * 4001], "regions": [""]}]}, "/asked/0/ties/0"),
        ],
        ids=str,
    )
    def test_one_that_is_not_as_it_must_be_is_refused_and_named(
        self, keys: AuditKeys, changed: dict[str, Any], said: str
    ) -> None:
        assert said in refused(AUDITOR.sign(payload(**changed)), keys)

    def test_clocks_may_differ_by_a_minute(self, keys: AuditKeys) -> None:
        now = int(datetime.now(UTC).timestamp())
        assert verify(AUDITOR.sign(claims(iat=now + 30)), keys).iat == now + 30
        assert "in the future" in refused(AUDITOR.sign(claims(iat=now + 3600)), keys)

    @pytest.mark.parametrize("name", receipt.Claims.__slots__)
    def test_none_may_be_missing(self, keys: AuditKeys, name: str) -> None:
        assert f"/{name}" in refused(AUDITOR.sign(payload(**{name: None})), keys)

    @pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"1" * 5000, b"[" * 5000], ids=repr)
    def test_a_payload_that_is_none_is_refused(self, keys: AuditKeys, content: bytes) -> None:
        assert "does not say what a receipt says" in refused(AUDITOR.sign(content), keys)


class TestShapes:
    @pytest.mark.parametrize(
        "text",
        ["x", ".", "..", "...", "a.b.c", "e30.e30.e30", "{}", "收据", "\x00", "\ud800", " " * 100, "e30=.e30.e30"],
    )
    def test_what_is_no_receipt_at_all(self, keys: AuditKeys, text: str) -> None:
        assert refused(text, keys)

    @pytest.mark.parametrize(
        "header",
        [
            *([], "alg", "b64 alg", 1, None, True, {"alg": []}, {"alg": {}}, {"alg": None}, {"alg": 1}, {}),
            *({"b64": False}, {"alg": "Ed25519", "b64": False}, {"alg": "Ed25519", "b64": False, "crit": ["b64"]}),
            *({"alg": "Ed25519", "typ": receipt.TYPE, "kid": each} for each in KIDS),
            {"alg": "EdDSA", "typ": receipt.TYPE, "kid": AUDITOR.kid},
        ],
        ids=repr,
    )
    def test_a_header_of_any_shape(self, keys: AuditKeys, header: object) -> None:
        assert refused(f"{coded(json.dumps(header).encode())}.{coded(payload())}.{coded(b'x' * 64)}", keys)

    def test_one_that_is_huge(self, keys: AuditKeys) -> None:
        genuine = AUDITOR.sign(payload())
        assert refused("a" * (receipt.MAX_CHARACTERS * 2), keys)
        assert refused(f"{genuine}{'A' * 5000}", keys)
        assert refused(f"{'A' * 5000}{genuine}", keys)
        assert refused(coded(b"[" * 300) + f".{coded(payload())}.", keys)

    @given(text=st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}\.[A-Za-z0-9_-]{0,30}"))
    def test_any_text_is_refused_with_a_reason(self, keys: AuditKeys, text: str) -> None:
        assert refused(text, keys)

    @given(data=st.data())
    def test_a_genuine_receipt_with_any_character_changed_is_refused(
        self, keys: AuditKeys, data: st.DataObject
    ) -> None:
        genuine = AUDITOR.sign(payload())
        place = data.draw(st.integers(0, len(genuine) - 1))
        other = data.draw(st.characters(codec="ascii").filter(lambda each: each != genuine[place]))
        assert refused(genuine[:place] + other + genuine[place + 1 :], keys)


def test_without_keys_nothing_is_verified(tmp_path: Path) -> None:
    for source in (None, str(tmp_path / "absent.json")):
        with pytest.raises(KeysUnavailableError):
            verify(AUDITOR.sign(claims()), AuditKeys(source))
