"""The engine: decide one rule, report on one app.

Pure: no clock, no network, no disk; the same input gives the same bytes.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from typing import TYPE_CHECKING, TypeVar, cast

from services.audit.answers import OF_A_CHECK, OF_A_GATE, asked, settled
from services.audit.law import (
    Case,
    Exemption,
    Finding,
    Lack,
    LackKind,
    NotAddressed,
    Outcome,
    Report,
    Ruling,
    Satisfied,
    Verdict,
)
from services.audit.readings.lacks import undeclared
from services.audit.rules import RULES
from services.manifest.model import canonical, fingerprint
from services.manifest.organisations import contradictions
from services.manifest.terms import GOVERNMENT_APPS, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from services.audit.answers import Answer, Question
    from services.audit.law import Law, Mark, Rule
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood


M = TypeVar("M", Finding, Lack, Exemption, NotAddressed)


def report(
    manifest: Manifest,
    neighbourhood: Neighbourhood | None,
    law: Law,
    on: date,
    answers: Mapping[str, Answer] | None = None,
) -> Report:
    """Judge an app against every rule of the law on a day.

    Args:
        manifest: what the app declares.
        neighbourhood: the other apps and grants that bear on it; None when the registry gave no answer.
        law: the instruments to judge against.
        on: the day.
        answers: what persons have answered, by the ids of the questions.
    """
    outcome, reason, rulings, lacks = _judged(Case(manifest, neighbourhood, law, on), answers)
    verdicts = [ruling.verdict for ruling in rulings]
    return Report(
        app=manifest.id,
        name=manifest.name,
        manifest_hash=fingerprint(canonical(manifest)),
        on=on,
        law=law.version,
        revision=None if neighbourhood is None else neighbourhood.revision,
        outcome=outcome,
        reason=reason,
        counts={verdict.value: verdicts.count(verdict) for verdict in Verdict},
        lacks=lacks,
        rulings=rulings,
    )


def verdicts(
    manifest: Manifest, neighbourhood: Neighbourhood | None, law: Law, on: date
) -> tuple[Outcome, tuple[Verdict, ...]]:
    """Give what a report amounts to, and the verdict of every rule in the order of the law; no report is made."""
    outcome, _, rulings, _ = _judged(Case(manifest, neighbourhood, law, on), None)
    return outcome, tuple(ruling.verdict for ruling in rulings)


def _judged(
    case: Case, answers: Mapping[str, Answer] | None
) -> tuple[Outcome, Text | None, tuple[Ruling, ...], tuple[Lack, ...]]:
    aside = _aside(case.manifest)
    if aside is not None:
        outcome, reason = aside
        rulings = tuple(_ruling(rule, case.law, Verdict.NOT_APPLICABLE, reason=reason) for rule in RULES)
        return outcome, reason, rulings, ()
    rulings = tuple(decide(rule, case, answers) for rule in RULES)
    lacks = (*_lacking_identity(case.manifest), *_contradicting(case))
    return _outcome(rulings, lacks), None, rulings, lacks


def questions(manifest: Manifest, neighbourhood: Neighbourhood | None, law: Law, on: date) -> tuple[Question, ...]:
    """Give everything that rules ask a person about an app, in the order of the law, each question once."""
    if _aside(manifest) is not None:
        return ()
    case = Case(manifest, neighbourhood, law, on)
    return tuple(dict.fromkeys(chain.from_iterable(_questions(rule, case) for rule in RULES)))


def decide(rule: Rule, case: Case, answers: Mapping[str, Answer] | None = None) -> Ruling:
    """Decide one rule: the gravest of all that it says; what is lacking is always told."""
    provision = case.law.provisions[rule.provision]
    if not provision.in_force(case.on):
        reason = Text(f"{case.on} 当日该条未施行", f"the provision is not in force on {case.on}")
        return _ruling(rule, case.law, Verdict.NOT_APPLICABLE, reason=reason)
    gates: list[Mark] = [mark for gate in rule.addresses for mark in gate(case)]
    checked: Iterable[Mark] = rule.check(case)
    if answers:
        gates, checked = list(settled(rule, case, gates, answers)), settled(rule, case, checked, answers)
    for mark in gates:
        if isinstance(mark, NotAddressed):
            return _ruling(rule, case.law, Verdict.NOT_APPLICABLE, reason=mark.reason)
    said = _by_kind(chain(gates, checked))
    lacking = _of(Lack, said)
    # While it is unknown whether the app is addressed at all, a breach cannot be held against it.
    if gates:
        return _ruling(rule, case.law, Verdict.UNDETERMINED, lacks=lacking)
    findings, exemptions = _of(Finding, said), _of(Exemption, said)
    if findings:
        verdict = Verdict.VIOLATION
    elif lacking:
        verdict = Verdict.UNDETERMINED
    elif exemptions:
        verdict = Verdict.EXEMPT
    elif Satisfied in said:
        verdict = Verdict.COMPLIANT
    else:
        reason = next((mark.reason for mark in _of(NotAddressed, said)), rule.nothing)
        return _ruling(rule, case.law, Verdict.NOT_APPLICABLE, reason=reason)
    return _ruling(rule, case.law, verdict, findings=findings, lacks=lacking, exemptions=exemptions)


def _questions(rule: Rule, case: Case) -> Iterator[Question]:
    if not case.law.provisions[rule.provision].in_force(case.on):
        return
    gates = [mark for gate in rule.addresses for mark in gate(case)]
    if not any(isinstance(mark, NotAddressed) for mark in gates):
        yield from asked(rule, case, gates, OF_A_GATE)
        yield from asked(rule, case, rule.check(case), OF_A_CHECK)


def _aside(manifest: Manifest) -> tuple[Outcome, Text] | None:
    """Tell whether the law leaves the app aside as a whole, because it is no government app or runs no more."""
    if manifest.kind is not None and manifest.kind not in GOVERNMENT_APPS:
        kind = manifest.kind
        return Outcome.OUT_OF_SCOPE, Text(
            f"{kind.zh}不是政务移动互联网应用程序，不适用第十二至十四条",
            f"a {kind.en} is no government mobile app; Articles 12–14 do not apply",
        )
    if manifest.stage == Stage.RETIRED:
        return Outcome.NOT_RUNNING, Text("应用已下线", "the app has been retired")
    return None


def _lacking_identity(manifest: Manifest) -> Iterator[Lack]:
    if manifest.kind is None:
        yield undeclared("/kind")
    if manifest.stage is None:
        yield undeclared("/stage")


def _contradicting(case: Case) -> Iterator[Lack]:
    """Ask for a declaration in place of each that the tree of organisations contradicts: nothing rests on it alone."""
    for each in contradictions(case.manifest.sponsor, case.recorded):
        yield Lack(LackKind.DECLARATION, each.place, each.fact, each.remedy)


def _outcome(rulings: Iterable[Ruling], lacking: tuple[Lack, ...]) -> Outcome:
    verdicts = {ruling.verdict for ruling in rulings}
    if Verdict.VIOLATION in verdicts:
        return Outcome.RETURN
    return Outcome.REFER if lacking or Verdict.UNDETERMINED in verdicts else Outcome.APPROVE


def _by_kind(marks: Iterable[Mark]) -> Mapping[type[Mark], list[Mark]]:
    said: defaultdict[type[Mark], list[Mark]] = defaultdict(list)
    for mark in marks:
        said[type(mark)].append(mark)
    return said


def _of(kind: type[M], said: Mapping[type[Mark], list[Mark]]) -> tuple[M, ...]:
    """Give what was said of one kind, each thing once."""
    found = cast("list[M]", said.get(kind, ()))
    return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


def _ruling(  # noqa: PLR0913 - it fills in a record whose fields are all told apart by name
    rule: Rule,
    law: Law,
    verdict: Verdict,
    *,
    reason: Text | None = None,
    findings: tuple[Finding, ...] = (),
    lacks: tuple[Lack, ...] = (),
    exemptions: tuple[Exemption, ...] = (),
) -> Ruling:
    return Ruling(
        rule=rule.id,
        label=rule.label,
        provision=rule.provision,
        title=rule.title,
        text=law.provisions[rule.provision].text,
        verdict=verdict,
        reason=reason,
        findings=findings,
        lacks=lacks,
        exemptions=exemptions,
    )
