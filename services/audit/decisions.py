"""Decisions: an app is judged before the live registry, and what is decided is pinned to what was seen.

Nothing is recorded here: the store does that, in one transaction with the ledger.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from services.audit.engine import questions, report
from services.audit.receipts import Findings, Given
from services.audit.regulation import LAW
from services.manifest import receipt, ties
from services.manifest.receipt import Claims
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping
    from datetime import date, datetime

    from services.audit.answers import Answer, Question
    from services.audit.law import Law, Report
    from services.audit.receipts import Person, Purpose
    from services.audit.registry_client import RegistryClient
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood


class UnknownAppError(Exception):
    """The registry has no such app on its books."""


class RefusedError(Exception):
    """Something in what was asked is not so; `place` is where in the request."""

    def __init__(self, place: str, fact: Text, remedy: Text) -> None:
        """Say what, and how to put it right."""
        super().__init__(fact.en)
        self.place, self.fact, self.remedy = place, fact, remedy


class ChangedError(RefusedError):
    """The app is not, or not any more, what the caller has before them."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it comes from a person."""

    question: str
    answer: Answer
    basis: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a person answers."""

    person: Person
    answers: tuple[Answered, ...]


@dataclass(frozen=True, slots=True)
class Follows:
    """The decision that another one follows, and the answers it rests on."""

    id: str
    answers: tuple[Given, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is decided on: a manifest, and the revision of the app when the registry holds it."""

    manifest: Manifest
    app: str
    stated: int | None = None


@dataclass(frozen=True, slots=True)
class Made:
    """How a decision is made.

    Args:
        id: of the decision.
        purpose: what it was asked for.
        day: the day judged.
        answers: what persons have answered.
        previous: id of the decision that this one follows.
    """

    id: str
    purpose: Purpose
    day: date
    answers: tuple[Given, ...] = ()
    previous: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A decision that is ready to be recorded.

    Args:
        made: how it was made.
        subject: what it is on.
        report: all verdicts.
        revision: the registry revision that was seen.
        asked: the ties and regions that were asked.
        left: the questions that nobody has answered.
    """

    made: Made
    subject: Subject
    report: Report
    revision: int
    asked: tuple[receipt.Asked, ...]
    left: tuple[Question, ...]

    def record(self) -> bytes:
        """Give what is kept of it: the report, the questions left, the answers."""
        content = {"report": self.report, "questions": self.left, "answers": self.made.answers}
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)

    def claims(self, issuer: str, at: datetime, place: int) -> Claims:
        """Give what its receipt claims, once it has its place in the ledger."""
        return Claims(
            iss=issuer,
            iat=int(at.timestamp()),
            jti=self.made.id,
            sub=self.subject.app,
            manifest=self.report.manifest_hash,
            law=self.report.law,
            day=self.made.day,
            purpose=self.made.purpose.value,
            outcome=self.report.outcome.value,
            revision=self.revision,
            asked=self.asked,
            ledger=place,
        )

    def findings(self, record: str) -> Findings:
        """Give what its receipt says besides; `record` is the hash of what is kept."""
        verdicts = {each.rule: each.verdict for each in self.report.rulings}
        return Findings(verdicts, self.made.answers, record, self.made.previous)


@dataclass(frozen=True, slots=True)
class Decisions:
    """Judges before `registry`; where that gives no answer there is no decision."""

    registry: RegistryClient
    law: Law = LAW

    async def registered(self, app: str, stated: int, place: str = "/revision") -> Subject:
        """Give a registered app to decide on.

        Args:
            app: its id.
            stated: the revision of its last change that the caller has before them.
            place: where in the request that was said.

        Raises:
            UnknownAppError: there is none, or it was withdrawn.
            ChangedError: it has changed since.
            RegistryUnavailable: the registry gives no answer.

        """
        found = await self.registry.registered(app)
        if found is None or found.withdrawn_at is not None:
            raise UnknownAppError(app)
        if found.revision != stated:
            raise _changed(place, app)
        return Subject(found.manifest, app, stated)

    async def judge(
        self, subject: Subject, purpose: Purpose, day: date, follows: Follows | None = None, told: Told | None = None
    ) -> Judged:
        """Judge an app in its present neighbourhood.

        Args:
            subject: what is decided on.
            purpose: what the decision is asked for.
            day: the day judged.
            follows: an earlier decision: those of its answers of which the question is still asked, and of the same
                facts, still hold.
            told: what a person answers now.

        Raises:
            RefusedError: a question that was answered is not asked, or not to be answered so.
            ChangedError: the app changed while it was judged.
            RegistryUnavailable: the registry gives no answer.

        """
        seen = await self._seen(subject)
        asked = {each.id: each for each in questions(subject.manifest, seen, self.law, day)}
        id = f"d-{secrets.token_hex(12)}"
        held = [] if follows is None else [each for each in follows.answers if each.question in asked]
        if told is not None:
            held += given(told, asked, {each.question for each in held}, id)
        previous = None if follows is None else follows.id
        return judged(subject, seen, self.law, Made(id, purpose, day, tuple(held), previous))

    async def _seen(self, subject: Subject) -> Neighbourhood:
        seen = await self.registry.neighbourhood(subject.manifest)
        if subject.stated is not None:
            # What was fetched first must be what stood when its neighbours were asked, or nobody could judge it again.
            then = await self.registry.registered(subject.app, as_of=seen.revision)
            if then is None or then.revision != subject.stated:
                raise _changed("/revision", subject.app)
        return seen


def judged(subject: Subject, seen: Neighbourhood, law: Law, made: Made) -> Judged:
    """Judge an app in a neighbourhood that was seen. Pure: the same gives the same record, now or years later."""
    settled = {each.question: each.answer for each in made.answers}
    asked = questions(subject.manifest, seen, law, made.day)
    return Judged(
        made=made,
        subject=subject,
        report=report(subject.manifest, seen, law, made.day, settled),
        revision=seen.revision,
        asked=receipt.asked(ties.questions(subject.manifest, seen.sponsor)),
        left=tuple(each for each in asked if each.id not in settled),
    )


def given(told: Told, asked: Mapping[str, Question], answered: Container[str], decision: str) -> Iterator[Given]:
    """Give a person's answers as they are recorded.

    Args:
        told: who answers what.
        asked: everything that is asked, by id.
        answered: the questions that have an answer already.
        decision: id of the decision in which they are given.

    Raises:
        RefusedError: a question is not asked, has an answer, or is not to be answered so.

    """
    seen: set[str] = set()
    for i, each in enumerate(told.answers):
        place = f"/answers/{i}"
        question = asked.get(each.question)
        if question is None or each.question in answered or each.question in seen:
            fact = Text(f"没有待答的问题 {each.question}", f"no question {each.question} is waiting for an answer")
            remedy = Text("只答判定中 questions 列出的问题", "answer the `questions` of the decision, each once")
            raise RefusedError(f"{place}/question", fact, remedy)
        if each.answer not in question.answers:
            allowed = [answer.value for answer in question.answers]
            fact = Text(f"该问题不能答 {each.answer}", f"that question is not answered by {each.answer}")
            remedy = Text(f"可答：{'、'.join(allowed)}", f"answer {' or '.join(allowed)}")
            raise RefusedError(f"{place}/answer", fact, remedy)
        seen.add(each.question)
        yield Given(question.id, question.rule, question.place, each.answer, each.basis, told.person, decision)


def _changed(place: str, app: str) -> ChangedError:
    return ChangedError(
        place,
        Text(f"应用 {app} 已不是这个版本", f"the app {app} is not at that revision any more"),
        Text("重新读取该应用后再请求判定", "read the app again, then ask for a decision"),
    )
