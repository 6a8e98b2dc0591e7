"""Questions that only a person can answer, and what the answers make of a rule's marks. Pure, like all of judging.

A question is known by what it asks and by the facts it is asked of. When either changes it is another question, so an
answer never settles anything but what the person who gave it had seen.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter

from services.audit.law import Finding, Lack, LackKind, NotAddressed, Satisfied
from services.manifest.model import canonical
from services.manifest.neighbourhood import Facts, Grant, Recorded
from services.manifest.terms import Term
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from services.audit.law import Case, Mark, Rule
    from services.manifest.model import Manifest


class Answer(Term):
    """What a person may answer."""

    COMPLIANT = "compliant", "符合", "compliant: it is as it should be"
    VIOLATION = "violation", "违反", "violation: the provision is broken there"
    APPLICABLE = "applicable", "适用", "applicable: the provision addresses the app"
    NOT_APPLICABLE = "not_applicable", "不适用", "not applicable: the provision does not address the app"


OF_A_CHECK = (Answer.COMPLIANT, Answer.VIOLATION)
OF_A_GATE = (Answer.APPLICABLE, Answer.NOT_APPLICABLE)


@dataclass(frozen=True, slots=True)
class Question:
    """What a rule asks a person.

    Args:
        id: digest of what is asked, and of the facts it is asked of.
        rule, label: of the rule.
        place: JSON pointer of the manifest.
        fact: the question.
        remedy: what would make it needless.
        neighbours: ids of the other apps it involves.
        answers: what may be answered.
    """

    id: str
    rule: str
    label: str
    place: str
    fact: Text
    remedy: Text
    neighbours: tuple[str, ...]
    answers: tuple[Answer, ...]


def asked(rule: Rule, case: Case, marks: Iterable[Mark], answers: tuple[Answer, ...]) -> Iterator[Question]:
    """Give the questions among a rule's marks."""
    for mark in marks:
        if isinstance(mark, Lack) and mark.kind is LackKind.PERSON:
            told = (mark.place, mark.fact, mark.remedy, mark.neighbours)
            yield Question(question_id(rule, case, mark), rule.id, rule.label, *told, answers)


def settled(rule: Rule, case: Case, marks: Iterable[Mark], answers: Mapping[str, Answer]) -> Iterator[Mark]:
    """Give a rule's marks with every question that was answered replaced by what the answer makes of it."""
    for mark in marks:
        if isinstance(mark, Lack) and mark.kind is LackKind.PERSON:
            answer = answers.get(question_id(rule, case, mark))
            yield from (mark,) if answer is None else _made_of(mark, answer)
        else:
            yield mark


def _made_of(lack: Lack, answer: Answer) -> Iterator[Mark]:
    said = Text(f"{lack.fact.zh} 经人工认定：{answer.zh}", f"{lack.fact.en} A person has answered: {answer.value}")
    match answer:
        case Answer.COMPLIANT:
            yield Satisfied(lack.place)
        case Answer.VIOLATION:
            yield Finding(lack.place, said, lack.remedy, lack.neighbours)
        case Answer.NOT_APPLICABLE:
            yield NotAddressed(said)
        case Answer.APPLICABLE:
            return


def question_id(rule: Rule, case: Case, lack: Lack) -> str:
    """Give the id of a question: of its words, the part of the manifest, the neighbours and the grants it is about."""
    told = [case.law.version, rule.id, lack.place, lack.fact.zh, lack.fact.en, list(lack.neighbours)]
    content = [told, _part(case.manifest, lack.place), _known_of(case, lack.neighbours), _grants(case), _sponsor(case)]
    return "q-" + hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _part(manifest: Manifest, place: str) -> Any:  # noqa: ANN401 - whatever the manifest holds there
    """Give the field of the manifest that a place is in, or of a list the one element."""
    found: Any = orjson.loads(canonical(manifest))
    for step in place.split("/")[1:3]:
        if isinstance(found, list):
            return found[int(step)] if step.isdecimal() and int(step) < len(found) else found
        found = found.get(step)
        if not isinstance(found, list):
            return found
    return found


def _known_of(case: Case, neighbours: tuple[str, ...]) -> list[Any]:
    if case.neighbourhood is None or not neighbours:
        return []
    # Facts that say nothing are left out: a kind of fact that is added later changes no question.
    return sorted(
        [tie.tie, each.app, _FACTS.dump_json(each.facts, exclude_defaults=True).decode()]
        for tie in case.neighbourhood.ties
        for each in tie.neighbours
        if each.app in neighbours
    )


def _grants(case: Case) -> list[str]:
    if case.neighbourhood is None:
        return []
    return sorted(_GRANT.dump_json(each, exclude_defaults=True).decode() for each in case.neighbourhood.grants)


def _sponsor(case: Case) -> str:
    recorded = None if case.neighbourhood is None else case.neighbourhood.sponsor
    return _SPONSOR.dump_json(recorded, exclude_defaults=True).decode()


_FACTS, _GRANT = TypeAdapter(Facts), TypeAdapter(Grant)
_SPONSOR: TypeAdapter[Recorded | None] = TypeAdapter(Recorded | None)
