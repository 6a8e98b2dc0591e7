"""重复建设: which functions of a local app its sector's unified app offers already (13.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack
from services.audit.readings import lacks
from services.manifest import divisions
from services.manifest.model import NONE
from services.manifest.terms import Role, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbour

SECTOR = "/sector"
_ROLE, _STAGE = Text("角色", "its role"), Text("阶段", "its stage")


def rebuilt(manifest: Manifest, unified: Neighbour) -> Iterator[Finding | Lack]:
    """Compare a local app with one of its sector; say nothing when that one does not count, or shares no function.

    A condition that fails settles the matter, so what is undeclared is asked for only while none fails.
    """
    unknown: list[Lack] = []
    for condition in _conditions(manifest, unified):
        if condition is False:
            return
        if isinstance(condition, Lack):
            unknown.append(condition)
    common = list(_in_common(manifest, unified))
    if unknown:
        # Which functions are in common matters only once it is known that the app counts.
        yield from unknown if common else ()
        yield from (each for each in common if isinstance(each, Lack))
    else:
        yield from (each if isinstance(each, Lack) else _judge(*each, unified) for each in common)


def _conditions(manifest: Manifest, unified: Neighbour) -> Iterator[bool | Lack]:
    """Tell whether an app is its sector's unified app, online, of a higher level, and covers a region of ours."""
    facts = unified.facts
    yield _known(facts.role, Role.SECTOR_UNIFIED, unified, _ROLE)
    yield _known(facts.stage, Stage.ONLINE, unified, _STAGE)
    yield _stands_higher(manifest, unified)
    yield _covers(manifest, unified)


def _known(declared: Role | Stage | None, wanted: Role | Stage, unified: Neighbour, what: Text) -> bool | Lack:
    return lacks.neighbour_undeclared(SECTOR, unified, what) if declared is None else declared == wanted


def _stands_higher(manifest: Manifest, unified: Neighbour) -> bool | Lack:
    own = None if manifest.sponsor is None else manifest.sponsor.level
    if own is None:
        return lacks.undeclared("/sponsor/level")
    if unified.facts.level is None:
        return lacks.neighbour_undeclared(SECTOR, unified, Text("主办单位层级", "its sponsor's level"))
    return unified.facts.level.rank < own.rank


def _covers(manifest: Manifest, unified: Neighbour) -> bool | Lack:
    theirs = unified.facts.regions
    if theirs is None:
        return lacks.neighbour_undeclared(SECTOR, unified, Text("服务区域", "the regions it serves"))
    if manifest.regions is None:
        return lacks.undeclared("/regions")
    return any(divisions.covers(outer, inner) for outer in theirs for inner in manifest.regions)


def _in_common(manifest: Manifest, unified: Neighbour) -> Iterator[tuple[str, str] | Lack]:
    """Give our functions that the unified app has too, as place and key; say where keys are undeclared."""
    facts = unified.facts
    theirs = frozenset(facts.functions or ())
    open_ended = facts.functions is None or facts.has_undeclared_functions
    if not theirs and not open_ended:
        return
    if manifest.features is None:
        yield lacks.undeclared("/features")
    for i, feature in enumerate(manifest.features or ()):
        place = f"/features/{i}/function"
        if feature.function is None:
            yield lacks.undeclared(place)
        elif feature.function in theirs:
            yield place, feature.function
        elif open_ended:
            yield lacks.neighbour_undeclared("/features", unified, Text("功能项编码", "all its function keys"))


def _judge(place: str, key: str, unified: Neighbour) -> Finding | Lack:
    opened, told = unified.facts.opened_functions, lacks.told_name(unified)
    if opened is None:
        return lacks.neighbour_undeclared(
            place, unified, Text("向地方开放的功能项", "the functions it opens to localities")
        )
    fact = Text(f"{told.zh}已有功能项 {key}", f"{told.en} has the function {key} already")
    if opened == NONE or key not in opened:
        return lacks.ask_person(
            place,
            Text(
                f"{fact.zh}，但未向地方开放：是否属于重复建设？",
                f"{fact.en}, not opened to localities: is it built twice?",
            ),
            Text(
                "请其向地方开放（13.4），或由审批部门判断",
                "have it opened to localities (13.4), or have the authority judge",
            ),
            (unified.app,),
        )
    return Finding(
        place,
        Text(f"{fact.zh}，并已向地方开放", f"{fact.en} and has opened it to localities"),
        Text("使用该统一应用的功能，不再另建", "use the unified app's function instead of building another"),
        (unified.app,),
    )
