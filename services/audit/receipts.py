"""The receipt of a decision: what the registry looks at, and besides the verdict of each rule and who answered what."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from services.audit.answers import Answer
from services.audit.law import Verdict
from services.audit.signing import NotGenuineError
from services.manifest import receipt
from services.manifest.receipt import Claims, DecisionId, Hash
from services.manifest.terms import Term
from services.manifest.values import Line, Paragraph

if TYPE_CHECKING:
    from services.audit.signing import PublicKeys

QuestionId = Annotated[str, Field(pattern=r"^q-[0-9a-f]{32}$")]


class Purpose(Term):
    """What a decision is asked for."""

    APPROVE = receipt.APPROVE, "立项批准", "approve: may it be built?"
    GO_ONLINE = "go_online", "上线", "go online: may it be put into use?"
    ANNUAL_REVIEW = "annual_review", "年度审核", "annual review: may it go on?"


PURPOSES = {purpose.value: purpose for purpose in Purpose}


@dataclass(frozen=True, slots=True)
class Person:
    """Who answered a question, as told by whoever sent the answer."""

    name: Line
    role: Line


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given.

    Args:
        question: id of the question.
        rule: id of the rule that asked.
        place: JSON pointer of the manifest it was asked of.
        answer: what was answered.
        basis: what the answer rests on.
        person: who answered.
        decision: id of the decision in which it was given; later ones carry it over.
    """

    question: QuestionId
    rule: Line
    place: Annotated[str, Field(max_length=4000)]
    answer: Answer
    basis: Paragraph
    person: Person
    decision: DecisionId


@dataclass(frozen=True, slots=True)
class Findings:
    """What the payload of a receipt says besides its `Claims`.

    Args:
        verdicts: by the ids of the rules.
        answers: what persons have answered.
        record: hash of what the audit has on record of the decision.
        previous: id of the decision that this one follows.
    """

    verdicts: dict[Line, Verdict]
    answers: tuple[Given, ...]
    record: Hash
    previous: DecisionId | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt whose signature was verified."""

    claims: Claims
    findings: Findings


def write(claims: Claims, findings: Findings) -> bytes:
    """Write the payload that is signed."""
    return orjson.dumps({**asdict(claims), **asdict(findings)})


def read(text: str, keys: PublicKeys) -> Receipt:
    """Read a receipt.

    Raises:
        NotGenuineError: it is none, or was not signed with one of these keys.

    """
    payload = keys.verify(text, receipt.TYPE)
    try:
        return Receipt(receipt.read(payload), _FINDINGS.validate_json(payload))
    except ValidationError as error:
        place = "/" + "/".join(map(str, error.errors(include_url=False)[0]["loc"]))
        raise NotGenuineError(f"it does not say what a receipt says: {place}") from error


def digest(content: bytes | str) -> str:
    """Give the hash by which something is pinned."""
    return "sha256:" + hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


_FINDINGS = TypeAdapter(Findings)
