"""Why the registry does not record what it is asked to: the caller's mistakes, each at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.text import Text
    from services.web import Scope


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that stands against it: where (a JSON pointer into what was sent), what is wrong there, the remedy."""

    place: str
    fact: Text
    remedy: Text


class RefusedError(Exception):
    """What was sent cannot be recorded as it is."""

    def __init__(self, *objections: Objection) -> None:
        """Take everything that stands against it."""
        self.objections = objections
        super().__init__("; ".join(f"{each.place}: {each.fact.en}" for each in objections))


class ConflictError(RefusedError):
    """What was sent is sound, and what is recorded stands against it."""


class DecideAgainError(ConflictError):
    """What a decision was based on has changed since: what changed, each as an objection."""


class ForbiddenError(Exception):
    """The caller lacks a scope that this needs."""

    def __init__(self, scope: Scope) -> None:
        """Take the scope that is lacking."""
        self.scope = scope
        super().__init__(f"this needs the scope {scope}")


class UnknownError(Exception):
    """The app or the grant named does not exist."""

    def __init__(self, noun: str, thing: str) -> None:
        """Take what was sought, and its id."""
        self.noun = noun
        self.thing = thing
        super().__init__(f"there is no {noun} {thing}")
