"""The ledger's form: entries that each name the one before, and signed checkpoints of the tree over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from services.audit import merkle
from services.audit.signing import NotGenuineError
from services.manifest.receipt import Hash, Number
from services.manifest.values import Line

if TYPE_CHECKING:
    from services.audit.signing import PublicKeys

CHECKPOINT: Final = "govapp-checkpoint+jwt"
"""The `typ` of a checkpoint."""

Root = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Kind(StrEnum):
    """What an entry records."""

    FOUND = "found"
    DECISION = "decision"
    AUDIT = "audit"
    FINDING = "finding"
    ATTESTATION = "attestation"
    NOTICE = "notice"
    REMINDERS = "reminders"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry.

    Args:
        place: from 0, without gaps.
        at: when it was recorded.
        kind: what is recorded.
        thing: its id.
        digest: hash of what is recorded.
        who: the caller who had it recorded.
        previous: hash of the entry before; the first has none before it.
    """

    place: Number
    at: datetime
    kind: Line
    thing: Line
    digest: Hash
    who: Line
    previous: Root | None

    def written(self) -> bytes:
        """Give the bytes that are hashed and kept."""
        return orjson.dumps(self, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says: at this instant the ledger had so many entries, and the tree over them this root."""

    iss: Line
    iat: Number
    size: Annotated[int, Field(ge=1, strict=True)]
    root: Root

    def written(self) -> bytes:
        """Give the payload that is signed."""
        return orjson.dumps(self)


def leaf_of(content: bytes) -> bytes:
    """Give the hash of an entry: that of a leaf of the tree."""
    return merkle.leaf_hash(content)


def read_entry(content: bytes) -> Entry:
    """Read an entry.

    Raises:
        pydantic.ValidationError: it is none.

    """
    return _ENTRY.validate_json(content)


def read_checkpoint(text: str, keys: PublicKeys) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        NotGenuineError: it is none, or was not signed with one of these keys.

    """
    try:
        return _CHECKPOINT.validate_json(keys.verify(text, CHECKPOINT))
    except ValidationError as error:
        raise NotGenuineError("it does not say what a checkpoint says") from error


_ENTRY, _CHECKPOINT = TypeAdapter(Entry), TypeAdapter(Checkpoint)
