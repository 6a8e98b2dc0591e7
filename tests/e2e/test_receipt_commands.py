"""The commands for keys and receipts, as installed: what they write, what they say, and their exit codes."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import orjson
import pytest

from services.audit import receipts, signing
from services.audit.answers import Answer
from services.audit.law import Verdict
from services.audit.receipts import Findings, Given, Person
from services.audit.signing import SigningKeys
from services.manifest import receipt
from services.manifest.receipt import Claims
from tests.processes import GOVAPP

if TYPE_CHECKING:
    from pathlib import Path

HASH = "sha256:" + "a" * 64
CLAIMS = Claims(
    receipt.ISSUER, 1, "d-1", "example-app", HASH, "burden-2024.1", date(2026, 3, 1), "approve", "approve", 7, (), 3
)
GIVEN = Given(
    "q-" + "0" * 32, "groundless_asks", "/asks/0", Answer.COMPLIANT, "示例依据", Person("示例审核员", "处长"), "d-0"
)
FINDINGS = Findings({"groundless_asks": Verdict.COMPLIANT}, (GIVEN,), HASH, "d-0")


def govapp(*arguments: str | Path, fed: str = "") -> tuple[int, str, str]:
    command = [GOVAPP, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, input=fed)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def signed(tmp_path: Path) -> Path:
    """Give a receipt that was signed with a key which was then replaced; keys and public keys lie beside it."""
    keys = tmp_path / "keys.json"
    signing.create(keys)
    file = tmp_path / "receipt.jws"
    file.write_text(SigningKeys(keys).sign(receipts.write(CLAIMS, FINDINGS), receipt.TYPE) + "\n")
    signing.rotate(keys)
    (tmp_path / "jwks.json").write_bytes(signing.published(keys.read_bytes()))
    return file


def test_keys_are_made_replaced_and_published(tmp_path: Path) -> None:
    keys, jwks = tmp_path / "keys.json", tmp_path / "jwks.json"
    assert [govapp("keys", "new", keys)[0] for _ in range(2)] == [0, 3]
    assert govapp("keys", "rotate", keys)[0] == 0
    assert govapp("keys", "public", keys, "--output", jwks)[0] == 0
    assert jwks.read_bytes().strip() == signing.published(keys.read_bytes())
    assert len(orjson.loads(jwks.read_bytes())["keys"]) == 2


def test_a_receipt_is_verified_offline_after_its_key_was_replaced(signed: Path) -> None:
    jwks = signed.with_name("jwks.json")
    code, said, _ = govapp("verify", signed, "--jwks", jwks)
    assert (code, said.splitlines()[0]) == (0, "✓ 收据真实：签名与内容相符")
    for word in ("example-app", "d-1", "burden-2024.1", "2026-03-01", "示例审核员"):
        assert word in said


def test_what_is_not_genuine_or_not_there_is_told_apart(signed: Path, tmp_path: Path) -> None:
    jwks = signed.with_name("jwks.json")
    head, payload, signature = signed.read_text().split(".")
    signed.write_text(f"{head}.{payload[:-4]}AAAA.{signature}")
    code, said, _ = govapp("verify", signed, "--jwks", jwks)
    assert (code, said.startswith("✗")) == (1, True)
    assert govapp("verify", tmp_path / "none.jws", "--jwks", jwks)[0] == 3
    jwks.write_text("[]")
    assert govapp("verify", "-", "--jwks", jwks, fed=signed.read_text())[0] == 3
    assert govapp("ledger", "checkpoint", "http://127.0.0.1:9")[0] == 3


def test_a_receipt_by_another_law_cannot_be_replayed(signed: Path) -> None:
    keys = signed.with_name("keys.json")
    other = replace(CLAIMS, law="example-1")
    signed.write_text(SigningKeys(keys).sign(receipts.write(other, FINDINGS), receipt.TYPE))
    jwks = signed.with_name("jwks.json")
    jwks.write_bytes(signing.published(keys.read_bytes()))
    code, _, said = govapp("replay", signed, "--jwks", jwks, "--registry", "http://127.0.0.1:9", "--lang", "en")
    assert (code, "example-1" in said) == (3, True)
