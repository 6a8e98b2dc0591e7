"""12.1 to 12.4 (清理整合): the apps of a central department, and those of a locality, read from the law."""

from __future__ import annotations

from services.manifest import ties
from services.manifest.model import Basis, Consolidation
from services.manifest.neighbourhood import GrantKind, Neighbour
from services.manifest.terms import (
    BELOW_COUNTY,
    FORM_KINDS,
    GRASSROOTS,
    RUNNING,
    Decision,
    Nature,
    Stage,
)
from tests.property.naive.seen import (
    COMPLIANT,
    DECLARATION,
    EXEMPT,
    OPEN,
    PERSON,
    REGISTRY,
    VIOLATION,
    Answer,
    Gate,
    Seen,
    answer,
    derogation_mark,
    every,
    gate,
    is_local,
    is_new,
    reaches_only_above,
)


def central_department(seen: Seen) -> Gate:
    """Tell whether the sponsor belongs to a central department; of a mass organisation, a person says."""
    sponsor = seen.manifest.sponsor
    nature = None if sponsor is None else sponsor.nature
    central = ties.is_central(seen.manifest)
    if nature == Nature.ENTERPRISE or central is False:
        return None
    lacks = set()
    if central is None or nature is None:
        lacks.add(DECLARATION)
    if nature in {Nature.MASS_ORGANISATION, Nature.OTHER}:
        lacks.add(PERSON)
    return frozenset(lacks)


def facing(seen: Seen) -> Gate:
    """Tell whether the app faces the grassroots."""
    return gate(ties.faces_grassroots(seen.manifest))


def siblings(seen: Seen) -> tuple[list[Neighbour], list[Neighbour], set[str]]:
    """Find the department's other grassroots apps that run: those that do, those that may, and what is lacking."""
    sponsor = seen.manifest.sponsor
    if sponsor is None or sponsor.root_organ is None:
        return [], [], {DECLARATION}
    told = seen.tie(f"department:{ties.name_key(sponsor.root_organ)}")
    if told is None:
        return [], [], {REGISTRY}
    sure, unsure = [], []
    for neighbour in told.neighbours:
        facts = neighbour.facts
        is_one = every(
            None if facts.stage is None else facts.stage in RUNNING,
            facts.faces_grassroots,
            None if facts.root_organ is None else True,
        )
        if is_one:
            sure.append(neighbour)
        elif is_one is None:
            unsure.append(neighbour)
    lacks = {DECLARATION} if unsure else set()
    if told.total > len(told.neighbours):
        lacks.add(REGISTRY)
    return sure, unsure, lacks


def names_nothing(basis: Basis | None) -> bool:
    """Tell whether a basis is undeclared, or declares no document."""
    return basis is None or (basis.title is None and basis.number is None and basis.article is None)


def date_marks(seen: Seen, decided: Consolidation) -> set[str]:
    """Judge the date of a merger or retirement."""
    if decided.decision not in {Decision.MERGE, Decision.RETIRE}:
        return set()
    if decided.due_on is None:
        return {DECLARATION}
    return {VIOLATION} if decided.due_on < seen.on else set()


def is_kept(neighbour: Neighbour) -> bool | None:
    """Tell whether another app is decided to be kept."""
    decided = neighbour.facts.consolidation
    if decided is None or (decided != "none" and decided.decision is None):
        return None
    return decided != "none" and decided.decision == Decision.KEEP


def decision_marks(seen: Seen) -> set[str]:
    """Judge the decision about this app (12.3): keep, merge or retire, on a basis and by a day not past."""
    decided = seen.manifest.consolidation
    if decided is None:
        return {DECLARATION}
    if decided == "none":
        return {VIOLATION}
    marks = date_marks(seen, decided)
    if decided.basis == "none":
        marks.add(VIOLATION)
    elif names_nothing(decided.basis):
        marks.add(DECLARATION)
    if decided.decision is None:
        marks.add(DECLARATION)
    if decided.decision == Decision.KEEP:
        marks |= only_one_kept_marks(seen)
    if decided.decision == Decision.MERGE:
        marks |= target_marks(seen, decided.into)
    return marks or {COMPLIANT}


def only_one_kept_marks(seen: Seen) -> set[str]:
    """Judge that no other app of the department is kept, which asks to know all of them."""
    sure, _, lacks = siblings(seen)
    kept = {is_kept(neighbour) for neighbour in sure}
    return lacks | ({VIOLATION} if True in kept else set()) | ({DECLARATION} if None in kept else set())


def target_marks(seen: Seen, into: str | None) -> set[str]:
    """Judge the app that ours is to be merged into: it runs, is kept, and is of the same department."""
    sure, unsure, _ = siblings(seen)
    for neighbour in sure:
        if neighbour.app == into:
            return {None: {DECLARATION}, True: set(), False: {VIOLATION}}[is_kept(neighbour)]
    if into is None or into in {neighbour.app for neighbour in unsure}:
        return {DECLARATION}
    return {REGISTRY}


def rule_12_1(seen: Seen) -> Answer:
    """A central department runs at most one app that faces the grassroots."""
    sure, _, lacks = siblings(seen)
    if not sure:
        marks = lacks or {COMPLIANT}
    elif seen.granted(GrantKind.DEROGATION, "12.1"):
        marks = {EXEMPT}
    else:
        plan, new = decision_marks(seen), is_new(seen.manifest)
        if new or VIOLATION in plan:
            marks = {VIOLATION}
        else:
            marks = (plan - {COMPLIANT} | ({DECLARATION} if new is None else set())) or {EXEMPT}
    return answer([central_department(seen), facing(seen)], marks)


def rule_12_2(seen: Seen) -> Answer:
    """Form features of central departments do not reach the county."""
    marks = [DECLARATION] if seen.manifest.features is None else []
    for feature in seen.manifest.features or ():
        if feature.kind is None:
            marks.append(DECLARATION)
        elif feature.kind in FORM_KINDS:
            if reaches_only_above(seen, GRASSROOTS):
                marks.append(COMPLIANT)
            elif feature.levels is None:
                marks.append(DECLARATION)
            elif GRASSROOTS.intersection(feature.levels):
                marks.append(derogation_mark(seen, "12.2", feature.id))
            else:
                marks.append(COMPLIANT)
    return answer([central_department(seen)], marks)


def rule_12_3(seen: Seen) -> Answer:
    """Of several existing apps of a department, each has its decision."""
    sure, _, lacks = siblings(seen)
    stage = seen.manifest.stage
    runs = gate(None if stage is None else stage in RUNNING)
    several: Gate = OPEN if sure else frozenset(lacks) or None
    return answer([central_department(seen), facing(seen), runs, several], decision_marks(seen) if sure else ())


def rule_12_4(seen: Seen) -> Answer:
    """Local apps that reach towns or villages: a clean-up decision."""
    manifest = seen.manifest
    stage = None if manifest.stage is None else manifest.stage in {Stage.ONLINE, Stage.RETIRING}
    decided = manifest.consolidation
    if decided is None:
        marks = {DECLARATION}
    elif decided == "none":
        marks = {PERSON}
    else:
        marks = {COMPLIANT} | date_marks(seen, decided)
        if None in (decided.decision, decided.decided_by, decided.decided_on):
            marks.add(DECLARATION)
        if decided.decision == Decision.KEEP:
            if decided.basis == "none":
                marks.add(PERSON)
            elif names_nothing(decided.basis):
                marks.add(DECLARATION)
    return answer([gate(is_local(manifest)), gate(stage), gate(reaches_below_county(seen))], marks)


def reaches_below_county(seen: Seen) -> bool | None:
    """Tell whether the app reaches a township or village."""
    manifest = seen.manifest
    if reaches_only_above(seen, BELOW_COUNTY):
        return False
    reached = set(manifest.levels or ())
    for levels in [each.levels for each in manifest.features or ()] + [each.levels for each in manifest.asks or ()]:
        reached |= set(levels or ())
    return True if reached & BELOW_COUNTY else None


RULES = {"12.1": rule_12_1, "12.2": rule_12_2, "12.3": rule_12_3, "12.4": rule_12_4}
