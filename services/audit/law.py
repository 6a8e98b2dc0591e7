"""The vocabulary of judging: the law as data, the case before a rule, and what a rule may say of it.

Nothing here asks for the day, the network or the disk; the day is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from services.manifest.neighbourhood import TieAnswer
from services.manifest.terms import Term
from services.record import record
from services.text import Text

if TYPE_CHECKING:
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Grant, GrantKind, Neighbourhood, Recorded


class Strength(Term):
    """What may lift a provision."""

    PROHIBITION = "prohibition", "禁止（不得、不再）", "prohibition: only what the text itself excepts lifts it"
    PRINCIPLE = "principle", "原则（原则上、一般）", "principle: a recorded derogation lifts it"
    NECESSITY = "necessity", "非必要不得", "necessity: a claimed and granted necessity lifts it"
    DUTY = (
        "duty",
        "义务（应当、严格、实现、推进、推动）",
        "duty: to be done; where the text says 推进 or 推动 a dated plan counts until its date",
    )
    GRADUAL_DUTY = (
        "gradual_duty",
        "渐进义务（逐步）",
        "gradual duty: a dated plan satisfies it until its date has passed",
    )


@dataclass(frozen=True, slots=True)
class Provision:
    """One normative sentence of the law.

    Args:
        label: permanent label, such as `12.1`.
        text: the official text (`zh`) and our translation (`en`).
        strength: what may lift it.
        from_on: first day in force.
        until_on: last day in force; None while it has no end.
        place: division code of the area it binds; the empty code is the whole country.
    """

    label: str
    text: Text
    strength: Strength
    from_on: date
    until_on: date | None = None
    place: str = ""

    def in_force(self, on: date) -> bool:
        """Tell whether the provision binds on a day."""
        return self.from_on <= on and (self.until_on is None or on <= self.until_on)


@dataclass(frozen=True, slots=True)
class Number:
    """A number the law sets, with the provision that sets it, its days and its place."""

    name: str
    value: int
    provision: str
    from_on: date
    until_on: date | None = None
    place: str = ""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One legal instrument: its provisions in the order of the law, and the numbers it sets.

    `edition` counts our editions of this data; it grows with every change, so that a law version never changes meaning.
    """

    id: str
    title: Text
    edition: int
    approved_on: date
    in_force_on: date
    published_on: date
    interpreter: str
    provisions: tuple[Provision, ...]
    numbers: tuple[Number, ...] = ()


@dataclass(frozen=True)
class Law:
    """The instruments that an app is judged against."""

    instruments: tuple[Instrument, ...]

    def __hash__(self) -> int:
        """Hash the version, which tells one law from another; hashing every text would take its time."""
        return hash(self.version)

    @cached_property
    def version(self) -> str:
        """Name the instruments and the editions of their data, such as `burden-2024.1`."""
        return "+".join(f"{each.id}.{each.edition}" for each in self.instruments)

    @cached_property
    def provisions(self) -> Mapping[str, Provision]:
        """Give every provision by its label, in the order of the law."""
        return {each.label: each for instrument in self.instruments for each in instrument.provisions}

    def number(self, name: str, on: date, place: str = "") -> int | None:
        """Give the number in force on a day at a place, the nearest place first; None when the law sets none."""
        binding = [
            each
            for instrument in self.instruments
            for each in instrument.numbers
            if each.name == name
            and place.startswith(each.place)
            and each.from_on <= on
            and (each.until_on is None or on <= each.until_on)
        ]
        return max(binding, key=lambda each: (len(each.place), each.from_on)).value if binding else None


class Verdict(Term):
    """What a rule says of an app, the gravest first."""

    VIOLATION = "violation", "违反", "violation"
    UNDETERMINED = "undetermined", "待定", "undetermined"
    EXEMPT = "exempt", "豁免", "exempt"
    COMPLIANT = "compliant", "符合", "compliant"
    NOT_APPLICABLE = "not_applicable", "不适用", "not applicable"


class Outcome(Term):
    """What a report amounts to; only `approve` approves."""

    APPROVE = "approve", "通过", "approve"
    REFER = "refer", "待核", "refer"
    RETURN = "return", "退回", "return"
    OUT_OF_SCOPE = "out_of_scope", "不属适用范围", "out of scope"
    NOT_RUNNING = "not_running", "已停止运行", "not running"


class LackKind(Term):
    """What is lacking when a verdict is undetermined."""

    DECLARATION = "declaration", "声明", "declaration"
    REGISTRY = "registry", "登记信息", "registry"
    PERSON = "person", "人工判断", "person"


@record
class Finding:
    """One fact that breaks a rule.

    Args:
        place: JSON pointer of the manifest.
        fact: what is the case.
        remedy: what would make it pass.
        neighbours: ids of the other apps the fact involves.
    """

    place: str
    fact: Text
    remedy: Text
    neighbours: tuple[str, ...] = ()


@record
class Lack:
    """One thing that is lacking for a verdict: a declaration, an answer of the registry, or a person's judgement.

    Args:
        kind: what is lacking.
        place: JSON pointer of the manifest where it is lacking, or to which it refers.
        fact: what is lacking; for a person, the question asked.
        remedy: who can supply it, and how.
        neighbours: ids of the other apps it involves; for a declaration, the app whose declaration is lacking.
    """

    kind: LackKind
    place: str
    fact: Text
    remedy: Text
    neighbours: tuple[str, ...] = ()


@record
class Exemption:
    """Something that would break the rule but is lifted, by grants or by the text itself."""

    place: str
    reason: Text
    grants: tuple[str, ...] = ()


@record
class Satisfied:
    """Something the rule addresses and that is as it should be."""

    place: str


@record
class NotAddressed:
    """The rule does not address this app, and why."""

    reason: Text


Mark = Finding | Lack | Exemption | Satisfied | NotAddressed


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule judges: a manifest, its neighbourhood (None: the registry gave no answer) and the law on a day.

    `readings` keeps what was made of the case once, for all rules that ask (`services.audit.readings.once`).
    """

    manifest: Manifest
    neighbourhood: Neighbourhood | None
    law: Law
    on: date
    readings: dict[object, Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    @property
    def recorded(self) -> Recorded | None:
        """What the tree of organisations knows of the sponsor; None when it, or the registry, says nothing."""
        return None if self.neighbourhood is None else self.neighbourhood.sponsor

    def tie(self, tie: str) -> TieAnswer | None:
        """Give the registry's answer on a tie, its neighbours by id; None when it was not asked or not answered."""
        if tie not in self.readings:
            answers = () if self.neighbourhood is None else self.neighbourhood.ties
            self.readings[tie] = next((_by_id(each) for each in answers if each.tie == tie), None)
        found: TieAnswer | None = self.readings[tie]
        return found

    def grants(
        self,
        kind: GrantKind,
        *,
        provision: str | None = None,
        feature: str | None = None,
        item: str | None = None,
    ) -> tuple[Grant, ...]:
        """Give the grants of a kind in force on the day that cover the whole app, or the feature or item named, by id.

        A derogation covers only the provision it names.
        """
        if self.neighbourhood is None:
            return ()
        covering = (
            each
            for each in self.neighbourhood.grants
            if each.kind == kind
            and each.provision == provision
            and each.in_force(self.on)
            and each.feature in {None, feature}
            and each.item in {None, item}
        )
        return tuple(sorted(covering, key=lambda each: each.id))


def _by_id(answer: TieAnswer) -> TieAnswer:
    return TieAnswer(answer.tie, answer.total, tuple(sorted(answer.neighbours, key=attrgetter("app"))))


Gate = Callable[[Case], Iterable[Lack | NotAddressed]]
"""Says nothing when the app is addressed; else why not, or what is lacking to know it."""

Check = Callable[[Case], Iterator[Mark]]
"""Says everything there is to say of a case; the engine takes the gravest."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Our check of a provision.

    Args:
        id: name of its file.
        label: label of the provision, with a letter where the provision has several rules (`13.7a`).
        provision: label of the provision.
        title: the compliant state, in one line.
        page: what the rule checks, why and how to satisfy it.
        addresses: gates that decide whether the app is addressed.
        check: what it says of an app.
        nothing: why the rule is not applicable when `check` finds nothing it addresses.
    """

    id: str
    label: str
    provision: str
    title: Text
    page: Text
    addresses: tuple[Gate, ...]
    check: Check
    nothing: Text

    def __hash__(self) -> int:
        """Hash the id, which tells one rule from another."""
        return hash(self.id)


@record
class Ruling:
    """The verdict of one rule on one app, with everything that led to it."""

    rule: str
    label: str
    provision: str
    title: Text
    text: Text
    verdict: Verdict
    reason: Text | None = None
    findings: tuple[Finding, ...] = ()
    lacks: tuple[Lack, ...] = ()
    exemptions: tuple[Exemption, ...] = ()


@record
class Report:
    """All verdicts for one app on one day.

    Args:
        app, name: as the manifest declares them.
        manifest_hash: `sha256:…` of the canonical manifest.
        on: the day judged.
        law: version of the law.
        revision: registry revision seen; None when the registry gave no answer.
        outcome: what it amounts to.
        reason: why the app is out of scope or not running.
        counts: number of rules per verdict, every verdict listed.
        lacks: what is lacking to know that the app is one at all, and runs.
        rulings: one per rule, in the order of the law.
    """

    app: str | None
    name: str | None
    manifest_hash: str
    on: date
    law: str
    revision: int | None
    outcome: Outcome
    reason: Text | None
    counts: Mapping[str, int]
    lacks: tuple[Lack, ...]
    rulings: tuple[Ruling, ...]
