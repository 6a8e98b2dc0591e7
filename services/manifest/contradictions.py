"""What a manifest may not say of itself at the same time.

A contradiction is refused when the manifest is read, because no rule could decide which of two declarations to believe.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from services.manifest.terms import GRASSROOTS, Decision, Level, Role
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.manifest.model import Ask, Feature, Manifest


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two declarations that cannot both hold: `place` (JSON pointer) of one, what is wrong, and the remedy."""

    place: str
    fact: Text
    remedy: Text


def contradictions(manifest: Manifest) -> Iterator[Contradiction]:
    """Find every contradiction of a manifest, in the order of its fields."""
    yield from _platform(manifest)
    yield from _levels(manifest)
    yield from _days(manifest)
    yield from _feature_ids(manifest)
    yield from _feature_references(manifest)
    yield from _consolidation(manifest)


def places_of_levels(manifest: Manifest) -> Iterator[tuple[str, Level]]:
    """Give every level that the features and asks reach, with its JSON pointer."""
    parts: tuple[tuple[str, Sequence[Feature | Ask] | None], ...] = (
        ("features", manifest.features),
        ("asks", manifest.asks),
    )
    for part, entries in parts:
        for i, entry in enumerate(entries or ()):
            for j, level in enumerate(entry.levels or ()):
                yield f"/{part}/{i}/levels/{j}", level


def _platform(manifest: Manifest) -> Iterator[Contradiction]:
    level = None if manifest.sponsor is None else manifest.sponsor.level
    if manifest.role == Role.PROVINCIAL_PLATFORM and level not in {None, Level.PROVINCE}:
        yield Contradiction(
            "/role",
            Text("省级平台的主办单位须为省级", "the sponsor of a provincial platform is of province level"),
            Text("更正 /role 或 /sponsor/level", "correct /role or /sponsor/level"),
        )


def _levels(manifest: Manifest) -> Iterator[Contradiction]:
    own = manifest.levels
    reached = list(places_of_levels(manifest))
    if manifest.faces_grassroots is False:
        for place, level in [*((f"/levels/{i}", level) for i, level in enumerate(own or ())), *reached]:
            if level in GRASSROOTS:
                yield Contradiction(
                    place,
                    Text(
                        f"声明不面向基层，却到达{level.zh}",
                        f"declared not to face the grassroots, yet it reaches the {level.en} level",
                    ),
                    Text(
                        "更正 /faces_grassroots，或去掉该层级",
                        "correct /faces_grassroots, or leave out this level",
                    ),
                )
    if manifest.faces_grassroots and own is not None and not GRASSROOTS.intersection(own):
        yield Contradiction(
            "/levels",
            Text(
                "声明面向基层，到达层级却不含县级及以下",
                "declared to face the grassroots, yet no level at or below the county",
            ),
            Text(
                "补上到达的基层层级，或更正 /faces_grassroots",
                "add the grassroots levels reached, or correct /faces_grassroots",
            ),
        )
    if own is not None:
        for place, level in reached:
            if level not in own:
                yield Contradiction(
                    place,
                    Text(
                        f"{level.zh}不在 /levels 所列到达层级之中",
                        f"the {level.en} level is not among those in /levels",
                    ),
                    Text("在 /levels 中补上该层级，或在此去掉", "add the level to /levels, or leave it out here"),
                )


def _days(manifest: Manifest) -> Iterator[Contradiction]:
    named = (("begun_on", manifest.begun_on), ("online_on", manifest.online_on), ("retired_on", manifest.retired_on))
    declared = [(name, day) for name, day in named if day is not None]
    for (before, earlier), (after, later) in pairwise(declared):
        if later < earlier:
            yield Contradiction(
                f"/{after}",
                Text(f"{later} 早于 /{before} 的 {earlier}", f"{later} lies before {earlier} at /{before}"),
                Text("更正其中一个日期", "correct one of the two days"),
            )


def _feature_ids(manifest: Manifest) -> Iterator[Contradiction]:
    first: dict[str, int] = {}
    for i, feature in enumerate(manifest.features or ()):
        if feature.id is None:
            continue
        if feature.id in first:
            yield Contradiction(
                f"/features/{i}/id",
                Text(
                    f"标识 {feature.id} 已用于 /features/{first[feature.id]}",
                    f"id {feature.id} is that of /features/{first[feature.id]} already",
                ),
                Text("每个功能使用不同的标识", "give every feature an id of its own"),
            )
        first.setdefault(feature.id, i)


def _feature_references(manifest: Manifest) -> Iterator[Contradiction]:
    if manifest.features is None:
        return
    ids = {feature.id for feature in manifest.features}
    for i, ask in enumerate(manifest.asks or ()):
        if ask.feature is not None and ask.feature not in ids:
            yield Contradiction(
                f"/asks/{i}/feature",
                Text(f"没有标识为 {ask.feature} 的功能", f"no feature has the id {ask.feature}"),
                Text("改为 /features 中已有的标识", "use an id that stands in /features"),
            )


def _consolidation(manifest: Manifest) -> Iterator[Contradiction]:
    decided = manifest.consolidation
    if decided is None or decided == "none":
        return
    if decided.into is not None and decided.decision not in (None, Decision.MERGE):
        yield Contradiction(
            "/consolidation/into",
            Text("只有整合才有整合去向", "only a merger has an app to merge into"),
            Text("去掉 into，或把 decision 改为 merge", "leave out `into`, or make the decision `merge`"),
        )
    if decided.into is not None and decided.into == manifest.id:
        yield Contradiction(
            "/consolidation/into",
            Text("应用不能整合到自身", "an app cannot be merged into itself"),
            Text("写明所整合到的另一个应用", "name the other app it is merged into"),
        )
