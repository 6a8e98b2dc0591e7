"""Plans and their days: a dated plan counts until its day has passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack
from services.audit.readings import lacks
from services.manifest.model import NONE
from services.manifest.terms import Decision
from services.text import Text

if TYPE_CHECKING:
    from services.audit.law import Case
    from services.audit.readings.conditions import Condition
    from services.manifest.model import Basis, Consolidation, Link


def linked(case: Case, place: str, link: Link, goal: Text) -> Finding | Lack | None:
    """Judge a declared link: None when it stands or is planned by a day not past; else what is overdue or lacking."""
    if link.to:
        return None
    if link.planned_by is None:
        return lacks.undeclared(f"{place}/to")
    if link.planned_by >= case.on:
        return None
    return Finding(
        f"{place}/planned_by",
        Text(
            f"计划于 {link.planned_by} 完成{goal.zh}，已逾期",
            f"{goal.en} was planned by {link.planned_by}, which has passed",
        ),
        Text(f"完成{goal.zh}后如实声明", f"complete {goal.en} and declare it"),
    )


def overdue(case: Case, decided: Consolidation) -> Finding | Lack | None:
    """Judge the day by which an app is to be merged or retired: None while it has not passed."""
    place, day = "/consolidation/due_on", decided.due_on
    if day is None:
        return lacks.undeclared(place)
    if day >= case.on:
        return None
    return Finding(
        place,
        Text(f"清理整合应于 {day} 完成，已逾期", f"the clean-up was due on {day}, which has passed"),
        Text("完成整合或下线", "complete the merger or the retirement"),
    )


def undocumented(basis: Basis | None) -> Lack | None:
    """Say that the basis of the decision is undeclared, or declares nothing; None when it names a document."""
    if basis is None:
        return lacks.undeclared("/consolidation/basis")
    if basis.title is None and basis.number is None and basis.article is None:
        return lacks.undeclared("/consolidation/basis/title")
    return None


def ends(case: Case) -> Condition:
    """Tell whether it is decided that the app is merged or retired by a day not past."""
    decided, place = case.manifest.consolidation, "/consolidation"
    if decided is None:
        return (lacks.undeclared(place),)
    if decided == NONE or decided.decision == Decision.KEEP:
        return False
    if decided.due_on is not None and decided.due_on < case.on:
        return False
    lacking = [part for part in ("decision", "due_on") if getattr(decided, part) is None]
    return tuple(lacks.undeclared(f"{place}/{part}") for part in lacking) or True
