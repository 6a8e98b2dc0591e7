"""The difference of two reports on one app: what is judged otherwise, what is new and what is gone, and why.

Two things told are the same when they are of one rule, at one steady place, and say the same. A report differs from
another because the manifest, the neighbours or grants, the law, or the day differ; which of them do is told, so that
nobody has to guess.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from services.audit.law import Exemption, Finding, Lack, Outcome, Verdict
from services.manifest.terms import Term

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.law import Report, Ruling

T = TypeVar("T", Finding, Lack, Exemption)


class Cause(Term):
    """What differs between the cases of two reports."""

    MANIFEST = "manifest", "清单", "the manifest"
    NEIGHBOURHOOD = "neighbourhood", "相邻应用或批准", "neighbours or grants"
    LAW = "law", "法规", "the law"
    DAY = "day", "判定日", "the day judged"


@dataclass(frozen=True, slots=True)
class Changed(Generic[T]):
    """Things told by only one of two reports: new in the second, or gone from it."""

    new: tuple[T, ...] = ()
    gone: tuple[T, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.new or self.gone)


@dataclass(frozen=True, slots=True)
class RulingDifference:
    """How two reports differ in one rule.

    Args:
        rule, label: of the rule.
        before, after: its verdicts; None where a report does not have the rule, as the law did not.
        findings, lacks, exemptions: what is new and what is gone.
        neighbours: ids of the other apps that what is new or gone involves.
    """

    rule: str
    label: str
    before: Verdict | None
    after: Verdict | None
    findings: Changed[Finding]
    lacks: Changed[Lack]
    exemptions: Changed[Exemption]
    neighbours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How two reports on one app differ; `rulings` holds the rules that do, in the order of the law."""

    before: Outcome
    after: Outcome
    causes: tuple[Cause, ...]
    lacks: Changed[Lack]
    rulings: tuple[RulingDifference, ...]

    @property
    def newly_violated(self) -> tuple[RulingDifference, ...]:
        """The rules that the second report finds violated and the first did not."""
        return tuple(
            each for each in self.rulings if each.after is Verdict.VIOLATION and each.before is not Verdict.VIOLATION
        )

    @property
    def no_longer_violated(self) -> tuple[RulingDifference, ...]:
        """The rules that the first report found violated and the second does not."""
        return tuple(
            each for each in self.rulings if each.before is Verdict.VIOLATION and each.after is not Verdict.VIOLATION
        )


def difference(before: Report, after: Report, *, is_neighbourhood_same: bool) -> Difference:
    """Compare two reports on one app.

    Args:
        before: the first report.
        after: the second one.
        is_neighbourhood_same: whether both saw the same neighbours and grants, which reports do not hold.

    """
    causes = [
        *([Cause.MANIFEST] if before.manifest_hash != after.manifest_hash else []),
        *([] if is_neighbourhood_same else [Cause.NEIGHBOURHOOD]),
        *([Cause.LAW] if before.law != after.law else []),
        *([Cause.DAY] if before.on != after.on else []),
    ]
    rulings = tuple(_rulings(before, after))
    return Difference(before.outcome, after.outcome, tuple(causes), _changed(before.lacks, after.lacks), rulings)


def _rulings(before: Report, after: Report) -> Iterator[RulingDifference]:
    first, second = ({each.rule: each for each in report.rulings} for report in (before, after))
    for rule in [*second, *(each for each in first if each not in second)]:
        found = _ruling(first.get(rule), second.get(rule))
        if found is not None:
            yield found


def _ruling(before: Ruling | None, after: Ruling | None) -> RulingDifference | None:
    known = after or before
    if known is None:
        return None
    findings = _changed(before.findings if before else (), after.findings if after else ())
    lacks = _changed(before.lacks if before else (), after.lacks if after else ())
    exemptions = _changed(before.exemptions if before else (), after.exemptions if after else ())
    verdicts = (before.verdict if before else None, after.verdict if after else None)
    if verdicts[0] is verdicts[1] and not (findings or lacks or exemptions):
        return None
    told: tuple[Finding | Lack, ...] = (*findings.new, *findings.gone, *lacks.new, *lacks.gone)
    involved = dict.fromkeys(app for each in told for app in each.neighbours)
    return RulingDifference(known.rule, known.label, *verdicts, findings, lacks, exemptions, tuple(involved))


def _changed(before: Sequence[T], after: Sequence[T]) -> Changed[T]:
    """Tell what only one of two reports tells; a thing told twice by one and once by the other differs once."""
    return Changed(_without(after, before), _without(before, after))


def _without(told: Sequence[T], other: Sequence[T]) -> tuple[T, ...]:
    left = Counter(other)
    found = []
    for each in told:
        if left[each]:
            left[each] -= 1
        else:
            found.append(each)
    return tuple(found)
