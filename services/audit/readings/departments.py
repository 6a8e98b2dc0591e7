"""The other grassroots-facing apps of a department, and the decisions by which they are to become one (12.1, 12.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.audit.law import Finding, Lack, NotAddressed
from services.audit.readings import lacks, plans
from services.audit.readings.once import once
from services.manifest import ties
from services.manifest.model import NONE
from services.manifest.terms import RUNNING, Decision
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case
    from services.manifest.model import Basis, Consolidation
    from services.manifest.neighbourhood import Neighbour

PLACE = "/sponsor/root_organ"
_DECISION = Text("清理整合决定", "what was decided about it")
_UNKNOWN = {
    "faces_grassroots": Text("是否面向基层", "whether it faces the grassroots"),
    "stage": Text("阶段", "its stage"),
    "root_organ": Text("所属部门", "its root organ"),
}


@dataclass(frozen=True, slots=True)
class Others:
    """The other apps of the department that run and face the grassroots, and what is lacking to know all of them."""

    apps: tuple[Neighbour, ...]
    lacking: tuple[Lack, ...]


@once
def other_apps(case: Case) -> Others:
    """Find the other apps of the department that run and face the grassroots."""
    found = list(_other_apps(case))
    return Others(
        tuple(each for each in found if not isinstance(each, Lack)),
        tuple(each for each in found if isinstance(each, Lack)),
    )


def several_apps(case: Case) -> Iterator[Lack | NotAddressed]:
    """多个政务应用程序: the department runs another grassroots-facing app besides this one. Article 12."""
    others = other_apps(case)
    if others.apps:
        return
    yield from others.lacking
    if not others.lacking:
        yield NotAddressed(
            Text("部门没有其他面向基层的应用", "the department runs no other grassroots-facing app"),
        )


def _other_apps(case: Case) -> Iterator[Neighbour | Lack]:
    sponsor, recorded = case.manifest.sponsor, case.recorded
    if recorded is None and (sponsor is None or sponsor.root_organ is None):
        yield lacks.undeclared(PLACE)
        return
    tie = ties.department_tie(case.manifest, recorded)
    answer = None if tie is None else case.tie(tie)
    if answer is None:
        yield lacks.registry_silent(PLACE)
        return
    for neighbour in answer.neighbours:
        facts = neighbour.facts
        if facts.faces_grassroots is False or (facts.stage is not None and facts.stage not in RUNNING):
            continue
        unknown = [what for name, what in _UNKNOWN.items() if getattr(facts, name) is None]
        if recorded is not None:
            # Who stands under this tie is of the department by the tree, whatever they declare.
            unknown = [what for what in unknown if what is not _UNKNOWN["root_organ"]]
        yield from (lacks.neighbour_undeclared(PLACE, neighbour, what) for what in unknown)
        if not unknown:
            yield neighbour
    if answer.total > len(answer.neighbours):
        yield lacks.registry_lacks(
            PLACE,
            Text(
                f"登记系统中同一部门有 {answer.total} 个应用，只答复了其中 {len(answer.neighbours)} 个",
                f"the registry knows {answer.total} apps of the department and told {len(answer.neighbours)} of them",
            ),
            Text("向登记系统索取全部应用后重新检查", "check again with all of them told by the registry"),
        )


def judge_decision(case: Case, others: Others) -> Iterator[Finding | Lack]:
    """Judge the app's own decision as 12.3 does, against the department's other apps; say nothing when it is valid.

    Which apps the department has besides those known bears only on one that is to be kept, or merged into one of them.
    """
    decided = case.manifest.consolidation
    if decided is None:
        yield lacks.undeclared("/consolidation")
    elif decided == NONE:
        yield Finding(
            "/consolidation",
            Text(
                "部门有多个应用到基层，对本应用没有清理整合决定",
                "several apps of the department reach the grassroots, and nothing was decided about this one",
            ),
            Text("决定保留、整合或下线，并写明依据和期限", "decide to keep, merge or retire it, with basis and date"),
            tuple(each.app for each in others.apps),
        )
    else:
        yield from _basis(decided.basis)
        if decided.decision is None:
            yield lacks.undeclared("/consolidation/decision")
        elif decided.decision == Decision.KEEP:
            yield from others.lacking
            yield from _only_one_kept(others)
        else:
            if late := plans.overdue(case, decided):
                yield late
            if decided.decision == Decision.MERGE:
                yield from _merge_target(decided, others)


def _basis(basis: Basis | Literal["none"] | None) -> Iterator[Finding | Lack]:
    if basis == NONE:
        yield Finding(
            "/consolidation/basis",
            Text("清理整合决定没有依据", "the decision rests on no document"),
            Text("写明所依据的文件", "name the document it rests on"),
        )
    elif lack := plans.undocumented(basis):
        yield lack


def _only_one_kept(others: Others) -> Iterator[Finding | Lack]:
    place = "/consolidation/decision"
    for other in others.apps:
        theirs = other.facts.consolidation
        told = lacks.told_name(other)
        if theirs is None or (theirs != NONE and theirs.decision is None):
            yield lacks.neighbour_undeclared(place, other, _DECISION)
        elif theirs != NONE and theirs.decision == Decision.KEEP:
            yield Finding(
                place,
                Text(f"同一部门还决定保留{told.zh}", f"the department keeps {told.en} as well"),
                Text(
                    "一个部门至多保留一个应用，其余整合或下线",
                    "a department keeps at most one app; merge or retire the others",
                ),
                (other.app,),
            )


def _merge_target(decided: Consolidation, others: Others) -> Iterator[Finding | Lack]:
    place, into = "/consolidation/into", decided.into
    if into is None:
        yield lacks.undeclared(place)
        return
    target = next((each for each in others.apps if each.app == into), None)
    unsure = [lack for lack in others.lacking if into in lack.neighbours]
    yield from unsure
    if target is not None:
        yield from _kept(place, target)
    elif not unsure:
        yield lacks.registry_lacks(
            place,
            Text(
                f"登记系统中没有同一部门运行的面向基层的应用 {into}",
                f"the registry knows no app {into} of the department that runs and faces the grassroots",
            ),
            Text("核对标识，或登记该应用", "check the id, or register the app"),
        )


def _kept(place: str, target: Neighbour) -> Iterator[Finding | Lack]:
    theirs = target.facts.consolidation
    told = lacks.told_name(target)
    if theirs is None or (theirs != NONE and theirs.decision is None):
        yield lacks.neighbour_undeclared(place, target, _DECISION)
    elif theirs == NONE or theirs.decision != Decision.KEEP:
        yield Finding(
            place,
            Text(f"拟整合到的{told.zh}没有决定保留", f"{told.en}, into which it is to be merged, is not kept"),
            Text("整合到决定保留的应用", "merge it into the app that is kept"),
            (target.app,),
        )
