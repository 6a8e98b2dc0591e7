"""The engine: decide one rule, report on one app.

Pure: no clock, no network, no disk; the same input gives the same bytes.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

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

_VERDICTS = tuple(verdict.value for verdict in Verdict)
_ALL_AS_IT_SHOULD_BE = {Satisfied}


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
    counts = dict.fromkeys(_VERDICTS, 0)
    for ruling in rulings:
        counts[ruling.verdict] += 1
    return Report(
        app=manifest.id,
        name=manifest.name,
        manifest_hash=fingerprint(canonical(manifest)),
        on=on,
        law=law.version,
        revision=None if neighbourhood is None else neighbourhood.revision,
        outcome=outcome,
        reason=reason,
        counts=counts,
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
        left = tuple(form.ruling(Verdict.NOT_APPLICABLE, reason) for form in _forms(case.law))
        return outcome, reason, left, ()
    rulings = tuple([_decide(form, case, answers) for form in _forms(case.law)])
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
    return _decide(_form(rule, case.law), case, answers)


def _decide(form: _Form, case: Case, answers: Mapping[str, Answer] | None) -> Ruling:
    rule = form.rule
    if not form.provision.in_force(case.on):
        reason = Text(f"{case.on} 当日该条未施行", f"the provision is not in force on {case.on}")
        return form.ruling(Verdict.NOT_APPLICABLE, reason)
    gates: list[Mark] = [mark for gate in rule.addresses for mark in gate(case)] if rule.addresses else []
    checked: Iterable[Mark] = rule.check(case)
    if answers:
        gates, checked = list(settled(rule, case, gates, answers)), settled(rule, case, checked, answers)
    for mark in gates:
        if isinstance(mark, NotAddressed):
            return form.ruling(Verdict.NOT_APPLICABLE, mark.reason)
    said = tuple(checked)
    # While it is unknown whether the app is addressed at all, a breach cannot be held against it.
    if gates:
        return form.ruling(Verdict.UNDETERMINED, lacks=_of(Lack, (*gates, *said)))
    return _gravest(form, said)


def _gravest(form: _Form, said: tuple[Mark, ...]) -> Ruling:
    kinds = set(map(type, said))
    if not kinds:
        return form.nothing
    if kinds == _ALL_AS_IT_SHOULD_BE:
        return form.compliant
    findings, lacking, exemptions = _of(Finding, said), _of(Lack, said), _of(Exemption, said)
    if findings:
        verdict = Verdict.VIOLATION
    elif lacking:
        verdict = Verdict.UNDETERMINED
    elif exemptions:
        verdict = Verdict.EXEMPT
    elif Satisfied in kinds:
        verdict = Verdict.COMPLIANT
    else:
        return form.ruling(Verdict.NOT_APPLICABLE, _of(NotAddressed, said)[0].reason)
    return form.ruling(verdict, findings=findings, lacks=lacking, exemptions=exemptions)


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


def _of(kind: type[M], said: Iterable[Mark]) -> tuple[M, ...]:
    """Give what was said of one kind, each thing once."""
    found = [mark for mark in said if isinstance(mark, kind)]
    return tuple(dict.fromkeys(found)) if len(found) > 1 else tuple(found)


class _Form:
    """The form of one rule's rulings under a law, and the two rulings that never say anything else."""

    def __init__(self, rule: Rule, law: Law) -> None:
        self.rule = rule
        self.provision = law.provisions[rule.provision]
        self.ruling = partial(Ruling, rule.id, rule.label, rule.provision, rule.title, self.provision.text)
        self.nothing = self.ruling(Verdict.NOT_APPLICABLE, rule.nothing)
        self.compliant = self.ruling(Verdict.COMPLIANT)


_LAWS_KEPT = 16
_form = lru_cache(_LAWS_KEPT * len(RULES))(_Form)


@lru_cache(_LAWS_KEPT)
def _forms(law: Law) -> tuple[_Form, ...]:
    """Give the forms of all rules, in the order of the law."""
    return tuple(_form(rule, law) for rule in RULES)
