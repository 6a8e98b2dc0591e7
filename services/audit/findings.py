"""Following findings from audit to audit: what an audit says of every finding that is known. Pure.

A finding is known again by its app, its rule and its place, named so that it stays when positions in lists move; of
several at one place, by their order. What an audit cannot tell – a declaration was taken back, the registry did not
answer – settles nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.identity import mark, steady
from services.audit.law import LackKind, Verdict
from services.audit.rectification import Action, Kind, State
from services.manifest.model import Manifest
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.law import Exemption, Finding, Lack, Report, Ruling


@dataclass(frozen=True, slots=True)
class Told:
    """What is the case, as the last audit that found it told it.

    Args:
        pointer: JSON pointer into the manifest that was judged.
        fact: what is the case.
        remedy: what would settle it.
        neighbours: ids of the other apps that it involves.
    """

    pointer: str
    fact: Text
    remedy: Text
    neighbours: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of an audit, with its identity."""

    id: str
    kind: Kind
    rule: str | None
    label: str | None
    place: str
    told: Told


@dataclass(frozen=True, slots=True)
class Waiver:
    """Why what would be a finding is none: the grants that lift it; none when the text of the law does so itself."""

    reason: Text
    grants: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """A finding as it stands: what an audit needs to know of it."""

    id: str
    rule: str | None
    place: str
    state: State
    told: Told
    grants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What an audit changes of a finding.

    Args:
        id: of the finding.
        action: what happens.
        state: the state after it.
        told: what is the case, when that is told anew.
        waiver: why it is waived.
        verdict: what the rule says now that the finding is gone; None for an attestation.
    """

    id: str
    action: Action
    state: State
    told: Told | None = None
    waiver: Waiver | None = None
    verdict: Verdict | None = None


def found_by(manifest: Manifest, report: Report, app: str) -> dict[str, Found]:
    """Give the findings of a report on an app by their ids, in the order of the law."""
    found: dict[str, Found] = {}
    for ruling in report.rulings:
        before: defaultdict[str, int] = defaultdict(int)
        for each in ruling.findings:
            place = steady(manifest, each.place)
            id = finding_id(app, ruling.rule, place, before[place])
            before[place] += 1
            found[id] = Found(id, Kind.RULE, ruling.rule, ruling.label, place, _told(each))
    return found


def finding_id(app: str, rule: str, place: str, nth: int = 0) -> str:
    """Give the id of a finding: the same in every audit that finds it."""
    return f"f-{mark(app, Kind.RULE.value, rule, place, str(nth))}"


def attested_id(attestation: str) -> str:
    """Give the id of the finding that an attestation makes."""
    return f"f-{mark(Kind.ATTESTATION.value, attestation)}"


def follow(known: Sequence[Known], found: dict[str, Found], manifest: Manifest, report: Report) -> Iterator[Change]:
    """Tell what an audit changes of the findings of one app that rest on a rule, and which are new.

    Args:
        known: those that are known.
        found: those that the audit finds, see `found_by`.
        manifest: what was judged.
        report: the report on it.

    """
    rulings = {each.rule: each for each in report.rulings}
    elements = frozenset(_elements(manifest))
    for each in known:
        again = found.get(each.id)
        if again is not None:
            change = _found_again(each, again.told)
        else:
            change = _not_found(each, rulings.get(each.rule or ""), manifest, elements)
        if change is not None:
            yield change
    before = {each.id for each in known}
    for id, new in found.items():
        if id not in before:
            yield Change(id, Action.OPEN, State.OPEN, new.told)


def settled(known: Known, *, is_settled: bool) -> Change | None:
    """Tell what an audit changes of a finding that rests on an attestation."""
    if not is_settled:
        return _found_again(known, known.told)
    if known.state is State.VERIFIED:
        return None
    return Change(known.id, Action.VERIFY, State.VERIFIED)


def _found_again(known: Known, told: Told) -> Change | None:
    if known.state in {State.RECTIFIED, State.VERIFIED, State.WAIVED}:
        return Change(known.id, Action.REOPEN, State.REOPENED, told)
    return Change(known.id, Action.RESTATE, known.state, told) if told != known.told else None


def _not_found(known: Known, ruling: Ruling | None, manifest: Manifest, elements: frozenset[str]) -> Change | None:
    if ruling is not None:

        def bears(told: Lack | Exemption) -> bool:
            return _bears(steady(manifest, told.place), known.place, elements)

        lacking = [each for each in ruling.lacks if bears(each)]
        lifting = [each for each in ruling.exemptions if bears(each)]
        if lacking:
            return _unknown(known, lacking, is_lifted=bool(lifting))
        if lifting:
            return _waived(known, lifting)
    if known.state is State.VERIFIED:
        return None
    verdict = Verdict.NOT_APPLICABLE if ruling is None else ruling.verdict
    return Change(known.id, Action.VERIFY, State.VERIFIED, verdict=verdict)


def _unknown(known: Known, lacking: Sequence[Lack], *, is_lifted: bool) -> Change | None:
    """Tell what becomes of a finding that is neither found nor known to be gone: nothing, but for a waiver that ended.

    That a waiver has ended is known when the registry has answered.
    """
    has_answer = any(each.kind is not LackKind.REGISTRY for each in lacking)
    if known.state is State.WAIVED and has_answer and not is_lifted:
        return Change(known.id, Action.REOPEN, State.REOPENED, known.told)
    return None


def _waived(known: Known, lifting: Sequence[Exemption]) -> Change | None:
    grants = tuple(sorted({grant for each in lifting for grant in each.grants}))
    waiver = Waiver(lifting[0].reason, grants)
    if known.state is State.VERIFIED:
        return None
    if known.state is State.WAIVED:
        return Change(known.id, Action.RESTATE, State.WAIVED, waiver=waiver) if grants != known.grants else None
    return Change(known.id, Action.WAIVE, State.WAIVED, waiver=waiver)


def _bears(said: str, place: str, elements: frozenset[str]) -> bool:
    """Tell whether what a rule says of one place may concern another one.

    It does not when it is about another element of a list than the one in question, and that one is still there: what
    was renamed or taken out may be the very thing that is now said to lack something.
    """
    element, other = _element(place), _element(said)
    return element not in elements or other not in elements or element == other


def _element(place: str) -> str:
    return "/".join(place.split("/")[:3])


def _elements(manifest: Manifest) -> Iterator[str]:
    """Give the steady places of all elements of the manifest's lists."""
    for name in Manifest.model_fields:
        value = getattr(manifest, name)
        if isinstance(value, tuple):
            yield from (steady(manifest, f"/{name}/{i}") for i in range(len(value)))


def _told(finding: Finding) -> Told:
    return Told(finding.place, finding.fact, finding.remedy, finding.neighbours)
