"""What the naive evaluator sees, and the plain words in which it answers: marks, gates and three-valued facts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from services.manifest import ties
from services.manifest.model import Manifest
from services.manifest.neighbourhood import GrantKind, Neighbourhood, TieAnswer
from services.manifest.terms import Level, Stage

VIOLATION = "violation"
UNDETERMINED = "undetermined"
EXEMPT = "exempt"
COMPLIANT = "compliant"
NOT_APPLICABLE = "not_applicable"

DECLARATION = "declaration"
REGISTRY = "registry"
PERSON = "person"
LACKS = frozenset({DECLARATION, REGISTRY, PERSON})

IN_FORCE_ON = date(2024, 8, 6)

Answer = tuple[str, frozenset[str]]
"""A verdict, and the kinds of all that is lacking when it is undetermined."""

Gate = frozenset[str] | None
"""None: the app is not addressed. Else what is lacking to know that it is; nothing when it is addressed."""

OPEN: Gate = frozenset()


@dataclass(frozen=True)
class Seen:
    """A manifest, what the registry answered (None: nothing), and the day."""

    manifest: Manifest
    neighbourhood: Neighbourhood | None
    on: date

    def tie(self, tie: str) -> TieAnswer | None:
        """Find the answer on a tie."""
        for answer in self.neighbourhood.ties if self.neighbourhood is not None else ():
            if answer.tie == tie:
                return answer
        return None

    def granted(
        self, kind: GrantKind, provision: str | None = None, feature: str | None = None, item: str | None = None
    ) -> bool | None:
        """Tell whether a grant in force covers it; None when the registry gave no answer."""
        if self.neighbourhood is None:
            return None
        for grant in self.neighbourhood.grants:
            if grant.kind != kind or grant.provision != provision:
                continue
            if self.on < grant.from_on or (grant.until_on is not None and grant.until_on < self.on):
                continue
            if (grant.feature is None or grant.feature == feature) and (grant.item is None or grant.item == item):
                return True
        return False


def every(*facts: bool | None) -> bool | None:
    """Tell whether all facts hold: one that does not hold decides, one that is unknown leaves it open."""
    if False in facts:
        return False
    return None if None in facts else True


def some(*facts: bool | None) -> bool | None:
    """Tell whether a fact holds: one that holds decides, one that is unknown leaves it open."""
    if True in facts:
        return True
    return None if None in facts else False


def gate(fact: bool | None) -> Gate:  # noqa: FBT001 - a three-valued fact is all there is to say
    """Make a gate of a declared fact."""
    if fact is None:
        return frozenset({DECLARATION})
    return OPEN if fact else None


def answer(gates: Iterable[Gate], marks: Iterable[str]) -> Answer:
    """Take the gravest of all marks, once every gate is open."""
    gates, marks = list(gates), set(marks)
    if None in gates:
        return NOT_APPLICABLE, frozenset()
    lacking = frozenset().union(*(each for each in gates if each is not None))
    if lacking:
        return UNDETERMINED, lacking | (LACKS & marks)
    if VIOLATION in marks:
        return VIOLATION, frozenset()
    if LACKS & marks:
        return UNDETERMINED, LACKS & marks
    for verdict in (EXEMPT, COMPLIANT):
        if verdict in marks:
            return verdict, frozenset()
    return NOT_APPLICABLE, frozenset()


def is_new(manifest: Manifest) -> bool | None:
    """Tell whether the app is new (新建): not begun, or begun since the law is in force. It tries all days."""
    stages = set(Stage) - {Stage.RETIRED} if manifest.stage is None else {manifest.stage}
    days = {IN_FORCE_ON - timedelta(1), IN_FORCE_ON} if manifest.begun_on is None else {manifest.begun_on}
    later = [day for day in (manifest.online_on, manifest.retired_on) if day is not None]
    answers = {
        stage in {Stage.PROPOSED, Stage.APPROVED} or begun_on >= IN_FORCE_ON
        for stage in stages
        for begun_on in days
        if all(begun_on <= day for day in later)
    }
    return answers.pop() if len(answers) == 1 else None


def derogation_mark(seen: Seen, label: str, feature: str | None, items: tuple[str | None, ...] = ()) -> str:
    """Tell what a recorded derogation makes of a breach by a feature, or by an item if there is one.

    Every id is tried that an unnamed feature or item may have.
    """
    if seen.neighbourhood is None:
        return REGISTRY
    for item in items or (None,):
        if seen.granted(GrantKind.DEROGATION, label, feature, item):
            return EXEMPT
    scopes = seen.neighbourhood.grants
    features = {grant.feature for grant in scopes} if feature is None else {feature}
    named = {grant.item for grant in scopes} if items == (None,) else {None, *items}
    if any(seen.granted(GrantKind.DEROGATION, label, one, other) for one in features for other in named):
        return DECLARATION
    return VIOLATION


def is_local(manifest: Manifest) -> bool | None:
    """Tell whether the sponsor is of province level or below and not managed by the centre."""
    central = ties.is_central(manifest)
    return None if central is None else not central


def reaches_only_above(seen: Seen, levels: frozenset[Level]) -> bool:
    """Tell whether the app as a whole is declared to reach none of some levels, so that no part of it can."""
    manifest = seen.manifest
    if manifest.levels is None:
        return manifest.faces_grassroots is False
    return not levels.intersection(manifest.levels)


def link_mark(link: object, on: date) -> str:
    """Judge a link: it stands, or its plan is not past; none, or a plan that is past, is a violation."""
    if link is None:
        return DECLARATION
    if link == "none":
        return VIOLATION
    if getattr(link, "to", None) is not None:
        return COMPLIANT
    planned_by = getattr(link, "planned_by", None)
    if planned_by is None:
        return DECLARATION
    return COMPLIANT if planned_by >= on else VIOLATION
