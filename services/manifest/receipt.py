"""The receipt of a decision: what a signed report says that was acted on, as both services read and write it.

These are shapes only. A receipt travels as a JWS in compact form: its header has `ALGORITHM`, `TYPE` and the id of the
key (`kid`), its payload is the JSON of `Claims`. What else the payload holds, such as the verdicts, is no concern of
whoever reads the claims. A receipt has no `exp`: it stays a proof for ever, and whoever acts on one asks for its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import orjson
from pydantic import Field, TypeAdapter

from services.manifest.ties import Question
from services.manifest.values import DIVISION_PATTERN, AppId, Day, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TYPE: Final = "govapp-receipt+jwt"
"""The `typ` of the header, so that nothing else that was signed with the same key passes for a receipt."""

ALGORITHM: Final = "Ed25519"
"""The `alg` of the header (RFC 9864); another one can be added beside it, and the header says which it is."""

ISSUER: Final = "govapp-audit"
"""The `iss` of the audit, unless an installation says otherwise."""

APPROVE: Final = "approve"
"""The purpose and the outcome of a decision that lets an app be approved."""

MAX_CHARACTERS: Final = 2 * 1024 * 1024
"""The longest receipt: far more than an app with the largest manifest asks about."""

_LARGEST = 2**63 - 1

Number = Annotated[int, Field(ge=0, le=_LARGEST, strict=True)]
Hash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
DecisionId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
Tie = Annotated[str, Field(min_length=1, max_length=4000)]
Region = Annotated[str, Field(pattern=DIVISION_PATTERN)]


@dataclass(frozen=True, slots=True)
class Asked:
    """Ties of which the same was asked: who offers them in a region that overlaps one of these?"""

    ties: Annotated[tuple[Tie, ...], Field(min_length=1)]
    regions: Annotated[tuple[Region, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a receipt says. The names are those of the JSON, and where a JWT has a name for it, that one.

    Args:
        iss: who decided.
        iat: when the receipt was issued, in seconds since 1970.
        jti: id of the decision; two receipts of one issuer with the same id are receipts of the same decision.
        sub: id of the app.
        manifest: hash of the manifest that was judged, see `services.manifest.model.fingerprint`.
        law: version of the law it was judged by.
        day: the day as of which it was judged, in Beijing.
        purpose: what the decision was asked for.
        outcome: how it turned out.
        revision: the registry revision as of which neighbours and grants were seen.
        asked: the ties and regions that were asked; none where the app asks about nobody.
        ledger: the place of the decision in the ledger, from 0.
    """

    iss: Line
    iat: Number
    jti: DecisionId
    sub: AppId
    manifest: Hash
    law: Line
    day: Day
    purpose: Line
    outcome: Line
    revision: Number
    asked: tuple[Asked, ...]
    ledger: Number

    def questions(self) -> Iterator[Question]:
        """Give the ties and regions that were asked, one question for each tie."""
        for each in self.asked:
            for tie in each.ties:
                yield Question(tie, each.regions)


def asked(questions: Iterable[Question]) -> tuple[Asked, ...]:
    """Say what was asked with each list of regions once: most ties of an app are asked in the same ones."""
    by_regions: dict[tuple[str, ...], list[str]] = {}
    for question in questions:
        by_regions.setdefault(question.regions, []).append(question.tie)
    return tuple(Asked(tuple(ties), regions) for regions, ties in by_regions.items())


def write(claims: Claims) -> bytes:
    """Write claims as the JSON that is signed, in the order of the fields."""
    return orjson.dumps(claims)


def read(payload: bytes) -> Claims:
    """Read the claims of a payload whose signature was verified.

    Raises:
        pydantic.ValidationError: it is not JSON, or a claim is missing or malformed.

    """
    return _CLAIMS.validate_json(payload)


_CLAIMS = TypeAdapter(Claims)
