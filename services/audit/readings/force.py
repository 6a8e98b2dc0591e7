"""强制: what is forced on users, when a special scenario lifts it, and what is forced under another name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import claims, contents, lacks, wording
from services.audit.readings.once import listed_once
from services.manifest.neighbourhood import GrantKind
from services.manifest.terms import FeatureKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from services.audit.law import Case, Mark
    from services.manifest.model import Decline, Feature

NO_KINDS: frozenset[FeatureKind] = frozenset()


def forced_features(
    case: Case, kinds: AbstractSet[FeatureKind], and_the_like: AbstractSet[FeatureKind] = NO_KINDS
) -> Iterator[Mark]:
    """Judge every feature of some kinds as 13.7 does: a forced one is a violation unless a special scenario lifts it.

    The provision does not name the kinds `and_the_like`: whether its 「等」 means a forced one, a person judges.
    """
    for each in contents.features_of(case, kinds | and_the_like):
        if isinstance(each, Lack):
            yield each
            continue
        place, feature = each
        is_forced = forced(place, feature)
        if is_forced is True:
            breach = _and_the_like if feature.kind in and_the_like else _breach
            yield from _unless_special(case, place, feature, breach(place, feature))
        elif is_forced:
            yield from is_forced
        else:
            yield Satisfied(place)


def forced(place: str, feature: Feature) -> bool | tuple[Lack, ...]:
    """Tell whether a feature is forced: required of the user, or declining it costs points, rank, appraisal or access.

    That a feature is not forced is believed only with a statement of how a user declines. Online-time statistics over
    all users are forced. Where it cannot be told, say what is lacking.
    """
    decline = feature.decline
    counts_time = feature.kind == FeatureKind.ONLINE_TIME_STATISTICS
    if feature.forced or (decline is not None and decline.costs) or (counts_time and feature.all_users):
        return True
    lacking: list[Lack] = []
    if feature.forced is None:
        lacking.append(lacks.undeclared(f"{place}/forced"))
    if counts_time and feature.all_users is None:
        lacking.append(lacks.undeclared(f"{place}/all_users"))
    lacking.extend(_lacking_of_decline(place, feature, decline))
    return tuple(lacking) or False


def forced_place(place: str, feature: Feature) -> str:
    """Point at the declaration that makes a feature forced."""
    if feature.forced:
        return f"{place}/forced"
    if feature.decline is not None and feature.decline.costs:
        return f"{place}/decline/costs"
    return f"{place}/all_users"


def told(feature: Feature) -> Text:
    """Say why a feature is forced, for the end of a sentence that begins with its name."""
    if feature.forced:
        return Text("强制用户使用", "is required of users")
    if feature.decline is not None and feature.decline.costs:
        costs = feature.decline.costs
        zh, en = "、".join(cost.zh for cost in costs), ", ".join(cost.en for cost in costs)
        return Text(f"拒绝使用会影响{zh}，属于强制", f"is forced: declining it costs {en}")
    return Text("面向全体用户统计，属于强制", "is forced: it covers all users")


def renamed(case: Case, label: str, own_kinds: AbstractSet[FeatureKind]) -> Iterator[Lack]:
    """变相: ask a person about features whose words say what the rule regulates while their kind says otherwise."""
    for place, feature in alarming(case, label):
        if feature.kind not in own_kinds:
            yield from renamed_feature(label, place, feature)


def alarming(case: Case, label: str) -> Iterator[tuple[str, Feature]]:
    """Give the features in whose name or description there are words of a rule, be they said in earnest or not."""
    return ((place, feature) for place, feature, labels in _alarming(case) if label in labels)


@listed_once
def _alarming(case: Case) -> Iterator[tuple[str, Feature, frozenset[str]]]:
    for place, feature in contents.features(case):
        if labels := wording.labels(feature.name or "") | wording.labels(feature.description or ""):
            yield place, feature, labels


def renamed_feature(label: str, place: str, feature: Feature) -> Iterator[Lack]:
    """Ask a person about one feature whose name or description holds words of the rule, quoting them."""
    if feature.kind is None:  # Nothing is said otherwise; the kind is asked for as such.
        return
    kind = feature.kind
    for part, text in (("name", feature.name), ("description", feature.description)):
        if text is not None and (found := wording.words(label, text)):
            quoted = Text("、".join(f"“{word}”" for word in found), ", ".join(f"“{word}”" for word in found))
            yield lacks.ask_person(
                f"{place}/{part}",
                Text(
                    f"功能类型为{kind.zh}，文字却有{quoted.zh}：是否变相设置？",
                    f"its kind is {kind.en}, yet its words say {quoted.en}: is it that by another name?",
                ),
                Text(
                    "如实更正功能类型，或由审批部门核实",
                    "correct the kind of the feature, or have the authority verify it",
                ),
            )


def _lacking_of_decline(place: str, feature: Feature, decline: Decline | None) -> Iterator[Lack]:
    """Say what is lacking to believe that a feature is not forced."""
    if decline is not None and decline.how is not None:
        if decline.costs is None:
            yield lacks.undeclared(f"{place}/decline/costs")
    elif feature.forced is None:
        yield lacks.undeclared(f"{place}/decline")
    else:
        name = contents.called(feature)
        yield lacks.ask_person(
            f"{place}/decline",
            Text(
                f"{name.zh}声明为非强制，但没有说明用户如何拒绝：是否确非强制？",
                f"{name.en} is declared not forced without saying how a user declines: is it really not?",
            ),
            Text(
                "写明用户如何拒绝及有无代价，或由审批部门核实",
                "state how a user declines and at what cost, or have the authority verify it",
            ),
        )


def _unless_special(case: Case, place: str, feature: Feature, breach: Finding | Lack) -> Iterator[Mark]:
    """Give the breach, unless a special scenario is claimed for the feature or the whole app; then judge the claim."""
    claimed = (
        (f"{place}/special_scenario", feature.special_scenario),
        ("/special_scenario", case.manifest.special_scenario),
    )
    claims_made = [(at, claim) for at, claim in claimed if claim is not None]
    complete = [at for at, claim in claims_made if claim.kind is not None and claim.prescription is not None]
    if not claims_made:
        yield breach
    elif complete:
        name = contents.called(feature)
        said = Text(f"{name.zh}主张属于特殊场景", f"{name.en} is claimed to serve a special scenario")
        yield claims.judge(case, GrantKind.SPECIAL_SCENARIO, complete[0], feature, said)
    else:
        at, claim = claims_made[0]
        missing = [part for part in ("kind", "prescription") if getattr(claim, part) is None]
        yield from (lacks.undeclared(f"{at}/{part}") for part in missing)


def _breach(place: str, feature: Feature) -> Finding:
    name, why = contents.called(feature), told(feature)
    return Finding(
        forced_place(place, feature),
        Text(f"{name.zh}{why.zh}", f"{name.en} {why.en}"),
        Text(
            "改为自愿使用并写明如何拒绝，拒绝没有代价；确属安保、应急等特殊场景的，主张并取得批准",
            "make it voluntary, free to decline, and state how; in a special scenario such as security or emergency, "
            "claim it and have it granted",
        ),
    )


def _and_the_like(place: str, feature: Feature) -> Lack:
    name, why = contents.called(feature), told(feature)
    return lacks.ask_person(
        forced_place(place, feature),
        Text(
            f"{name.zh}{why.zh}：是否属于“等强制性功能”？",
            f"{name.en} {why.en}: is it meant by “and the like”?",
        ),
        Text(
            "改为自愿使用并写明如何拒绝，或由审批部门核实",
            "make it voluntary and state how to decline, or have the authority judge",
        ),
    )
