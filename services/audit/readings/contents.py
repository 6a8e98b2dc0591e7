"""What is addressed inside the manifest: features, asks and usage policies, and what is undeclared about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.readings import lacks
from services.audit.readings.once import listed_once, once
from services.manifest.terms import GRASSROOTS
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from services.audit.law import Case, Lack
    from services.manifest.model import Ask, Feature, Manifest, UsagePolicy
    from services.manifest.terms import FeatureKind, Level, Measure


def features_of(case: Case, kinds: AbstractSet[FeatureKind]) -> Iterator[tuple[str, Feature] | Lack]:
    """Give the features of some kinds with their JSON pointers; say where features or a kind are undeclared."""
    if case.manifest.features is None:
        yield lacks.undeclared("/features")
    elif not _kinds(case).isdisjoint({None, *kinds}):
        for place, feature in features(case):
            if feature.kind is None:
                yield lacks.undeclared(f"{place}/kind")
            elif feature.kind in kinds:
                yield place, feature


@listed_once
def features(case: Case) -> Iterator[tuple[str, Feature]]:
    """Give every feature with its JSON pointer; none when they are undeclared."""
    for i, feature in enumerate(case.manifest.features or ()):
        yield f"/features/{i}", feature


@once
def _kinds(case: Case) -> frozenset[FeatureKind | None]:
    return frozenset(feature.kind for feature in case.manifest.features or ())


@listed_once
def grassroots_asks(case: Case) -> Iterator[tuple[str, Ask] | Lack]:
    """Give the asks of units at county level or below with their JSON pointers; say what is undeclared about them.

    An app whose own levels stay above the county asks nothing of the grassroots, whatever it leaves undeclared.
    """
    if stays_above(case.manifest, GRASSROOTS):
        return
    if case.manifest.asks is None:
        yield lacks.undeclared("/asks")
        return
    for i, ask in enumerate(case.manifest.asks):
        if ask.levels is None:
            yield lacks.undeclared(f"/asks/{i}/levels")
        elif GRASSROOTS.intersection(ask.levels):
            yield f"/asks/{i}", ask


def stays_above(manifest: Manifest, levels: AbstractSet[Level]) -> bool:
    """Tell whether the app as a whole is declared to reach none of these levels, all of them at or below the county."""
    if manifest.levels is None:
        return manifest.faces_grassroots is False
    return levels.isdisjoint(manifest.levels)


def usage_policies(case: Case, measures: AbstractSet[Measure]) -> Iterator[tuple[str, UsagePolicy] | Lack]:
    """Give the usage-policy entries on some measures with their JSON pointers; say where they are undeclared."""
    if case.manifest.usage_policy is None:
        yield lacks.undeclared("/usage_policy")
        return
    for i, entry in enumerate(case.manifest.usage_policy):
        if entry.measure is None:
            yield lacks.undeclared(f"/usage_policy/{i}/measure")
        elif entry.measure in measures:
            yield f"/usage_policy/{i}", entry


def called(feature: Feature) -> Text:
    """Call a feature by its name, else by its kind."""
    kind = Text("功能", "feature") if feature.kind is None else Text(feature.kind.zh, feature.kind.en)
    return (
        Text(f"“{feature.name}”", f"“{feature.name}”")
        if feature.name
        else Text(f"“{kind.zh}”", f"the {kind.en} feature")
    )


def called_item(ask: Ask) -> Text:
    """Call an item by its name, else by its code."""
    name = ask.name or ask.code
    return Text(f"“{name}”", f"“{name}”") if name else Text("（未命名的数据项）", "(an item without a name)")
