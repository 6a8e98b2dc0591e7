"""Who is addressed: gates that several rules share. A gate says nothing when the app is addressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Lack, NotAddressed
from services.audit.readings import lacks
from services.audit.readings.once import listed_once
from services.audit.regulation.burden_2024 import IN_FORCE_ON
from services.manifest import ties
from services.manifest.terms import Level, ManagedBy, Nature, Role, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Gate
    from services.manifest.model import Manifest

DEPARTMENT_NATURES = frozenset(
    {
        Nature.PARTY_ORGAN,
        Nature.ADMINISTRATION,
        Nature.PEOPLES_CONGRESS,
        Nature.CPPCC,
        Nature.COURT,
        Nature.PROCURATORATE,
        Nature.PUBLIC_INSTITUTION,
    }
)
"""Natures that make a central sponsor a department, or a unit of one (中央和国家机关部门)."""


@listed_once
def central_department(case: Case) -> Iterator[Lack | NotAddressed]:
    """中央和国家机关部门: organs at the centre and their units, wherever they sit. Article 12."""
    manifest = case.manifest
    sponsor = manifest.sponsor
    central = ties.is_central(manifest)
    if central is False:
        yield NotAddressed(Text("主办单位不是中央和国家机关部门", "the sponsor is no department of the centre"))
    nature = None if sponsor is None else sponsor.nature
    if nature == Nature.ENTERPRISE:
        yield NotAddressed(Text("主办单位是企业", "the sponsor is an enterprise"))
    if central is None:
        if sponsor is None or sponsor.level is None:
            yield lacks.undeclared("/sponsor/level")
        if sponsor is None or sponsor.managed_by is None:
            yield lacks.undeclared("/sponsor/managed_by")
    if nature is None:
        yield lacks.undeclared("/sponsor/nature")
    elif nature not in DEPARTMENT_NATURES:
        yield lacks.ask_person(
            "/sponsor/nature",
            Text(
                f"主办单位性质为{nature.zh}，是否属于“中央和国家机关部门”？",
                f"the sponsor is a {nature.en}: is it a department of the central Party and state organs?",
            ),
            Text("由审批部门认定", "the approving authority decides"),
        )


@listed_once
def local_sponsor(case: Case) -> Iterator[Lack | NotAddressed]:
    """地方: every sponsor of province level or below that the centre does not manage."""
    central = ties.is_central(case.manifest)
    sponsor = case.manifest.sponsor
    if central:
        yield NotAddressed(Text("主办单位不是地方单位", "the sponsor is not local"))
    if central is None:
        if sponsor is None or sponsor.level is None:
            yield lacks.undeclared("/sponsor/level")
        if sponsor is None or sponsor.managed_by is None:
            yield lacks.undeclared("/sponsor/managed_by")


def sponsor_at(*levels: Level) -> Gate:
    """Address only sponsors of some levels."""
    names = Text("、".join(each.zh for each in levels), " or ".join(each.en for each in levels))
    other = NotAddressed(Text(f"主办单位不是{names.zh}单位", f"the sponsor is not of {names.en} level"))

    def gate(case: Case) -> Iterator[Lack | NotAddressed]:
        sponsor = case.manifest.sponsor
        if sponsor is None or sponsor.level is None:
            yield lacks.undeclared("/sponsor/level")
        elif sponsor.level not in levels:
            yield other

    return gate


def vertically_managed(case: Case) -> Iterator[Lack | NotAddressed]:
    """垂管系统: sponsors managed by the centre or by the province."""
    sponsor = case.manifest.sponsor
    if sponsor is None or sponsor.managed_by is None:
        yield lacks.undeclared("/sponsor/managed_by")
    elif sponsor.managed_by == ManagedBy.NONE:
        yield NotAddressed(Text("主办单位不属垂管系统", "the sponsor is not vertically managed"))


@listed_once
def grassroots_facing(case: Case) -> Iterator[Lack | NotAddressed]:
    """面向基层: units or workers at county level or below use the app or must supply it."""
    faces = ties.faces_grassroots(case.manifest)
    if faces is None:
        yield lacks.undeclared("/faces_grassroots")
    elif not faces:
        yield NotAddressed(Text("应用不面向基层", "the app does not face the grassroots"))


def at_stage(*stages: Stage) -> Gate:
    """Address only apps at some stages."""
    names = Text("、".join(each.zh for each in stages), ", ".join(each.en for each in stages))

    others = {
        stage: NotAddressed(
            Text(
                f"应用的阶段是{stage.zh}，本条针对{names.zh}的应用",
                f"the app is {stage.en}; this addresses apps that are {names.en}",
            )
        )
        for stage in Stage
        if stage not in stages
    }

    def gate(case: Case) -> Iterator[Lack | NotAddressed]:
        stage = case.manifest.stage
        if stage is None:
            yield lacks.undeclared("/stage")
        elif stage in others:
            yield others[stage]

    return gate


@listed_once
def no_provincial_platform(case: Case) -> Iterator[Lack | NotAddressed]:
    """Address every app but the provincial platforms."""
    sponsor = case.manifest.sponsor
    found = ties.is_provincial_platform(case.manifest.role, None if sponsor is None else sponsor.level)
    if found is None:
        yield lacks.undeclared("/role")
    elif found:
        yield NotAddressed(Text("应用是省级平台", "the app is a provincial platform"))


def only_role(role: Role) -> Gate:
    """Address only apps of one role."""
    other = NotAddressed(Text(f"应用的角色不是{role.zh}", f"the app is no {role.en}"))

    def gate(case: Case) -> Iterator[Lack | NotAddressed]:
        if case.manifest.role is None:
            yield lacks.undeclared("/role")
        elif case.manifest.role != role:
            yield other

    return gate


@listed_once
def new_app(case: Case) -> Iterator[Lack | NotAddressed]:
    """新建: building has not begun, or began on or after the day the regulation came into force."""
    manifest = case.manifest
    new = is_new(manifest)
    if new is None:
        yield lacks.undeclared("/stage" if manifest.stage is None else "/begun_on")
    elif not new:
        begun_on, online_on = manifest.begun_on, manifest.online_on
        fact = (
            Text(f"应用于 {online_on} 上线", f"the app was online on {online_on}")
            if begun_on is None
            else Text(f"应用于 {begun_on} 开工", f"building began on {begun_on}")
        )
        yield NotAddressed(
            Text(f"{fact.zh}，早于 {IN_FORCE_ON}，不属新建", f"{fact.en}, before {IN_FORCE_ON}: not newly built")
        )


def is_new(manifest: Manifest) -> bool | None:
    """Tell whether an app is newly built: proposed or approved, or begun since the regulation; None when undeclared.

    An app cannot have been online before its building began, so an early day online tells that it is not new.
    """
    if manifest.stage in {Stage.PROPOSED, Stage.APPROVED}:
        return True
    if manifest.begun_on is not None and manifest.begun_on >= IN_FORCE_ON:
        return True
    early = manifest.begun_on or manifest.online_on
    return False if manifest.stage is not None and early is not None and early < IN_FORCE_ON else None
