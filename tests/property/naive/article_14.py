"""Article 14 (防止功能异化) and 13.7, which both speak of what users are forced to do, read from the law."""

from __future__ import annotations

from collections.abc import Iterator

from services.audit.readings.wording import words
from services.manifest.model import Feature, UsagePolicy
from services.manifest.neighbourhood import GrantKind
from services.manifest.terms import Audience, FeatureKind, Measure, Metric, Period
from tests.property.naive.seen import COMPLIANT, DECLARATION, EXEMPT, PERSON, REGISTRY, VIOLATION, Answer, Seen, answer

POINTS = {FeatureKind.POINTS_RANKING}
LIKE_POINTS = {FeatureKind.LIKES, FeatureKind.VOTES, FeatureKind.FORWARDS}
TIME = {FeatureKind.ONLINE_TIME_STATISTICS, FeatureKind.STUDY_TIME}
UPLOADS = {FeatureKind.PHOTO_UPLOAD, FeatureKind.VIDEO_UPLOAD, FeatureKind.TRACK_UPLOAD}
RATES = {Measure.INSTALL, Measure.REGISTER, Measure.ACTIVATE, Measure.LOG_IN, Measure.USE}
NO_RHYTHM = {"none", Period.ONCE, Period.AS_NEEDED}


def forced_marks(feature: Feature) -> set[str]:
    """Tell whether a feature is forced: {violation}, {compliant}, or what is lacking to know it."""
    costs = None if feature.decline is None else feature.decline.costs
    how = None if feature.decline is None else feature.decline.how
    if feature.forced or costs:
        return {VIOLATION}
    if feature.kind == FeatureKind.ONLINE_TIME_STATISTICS and feature.all_users:
        return {VIOLATION}
    lacks = set()
    if feature.forced is None:
        lacks.add(DECLARATION)
    if feature.kind == FeatureKind.ONLINE_TIME_STATISTICS and feature.all_users is None:
        lacks.add(DECLARATION)
    if feature.forced is False and how is None:
        lacks.add(PERSON)
    if feature.forced is False and how is not None and costs is None:
        lacks.add(DECLARATION)
    return lacks or {COMPLIANT}


def says_otherwise(label: str, feature: Feature, kinds: set[FeatureKind]) -> bool:
    """Tell whether the words of a feature say what its declared kind does not."""
    if feature.kind is None or feature.kind in kinds:
        return False
    return any(words(label, text) for text in (feature.name, feature.description) if text is not None)


def scenario_marks(seen: Seen, feature: Feature) -> set[str]:
    """Judge a forced feature by the special scenario claimed for it or for the app."""
    claims = [each for each in (feature.special_scenario, seen.manifest.special_scenario) if each is not None]
    if not claims:
        return {VIOLATION}
    if not any(claim.kind is not None and claim.prescription is not None for claim in claims):
        return {DECLARATION}
    granted = seen.granted(GrantKind.SPECIAL_SCENARIO, feature=feature.id)
    if granted is None:
        return {REGISTRY}
    return {EXEMPT} if granted else {PERSON}


def forced_features(seen: Seen, label: str, kinds: set[FeatureKind], like: set[FeatureKind]) -> Answer:
    """Judge the forced features of some kinds, and ask about forced ones that are like them."""

    def marks() -> Iterator[str]:
        if seen.manifest.features is None:
            yield DECLARATION
        for feature in seen.manifest.features or ():
            if feature.kind is None:
                yield DECLARATION
            if feature.kind in kinds | like:
                for mark in forced_marks(feature):
                    if mark != VIOLATION:
                        yield mark
                    elif feature.kind in kinds:
                        yield from scenario_marks(seen, feature)
                    else:
                        yield from scenario_marks(seen, feature) - {VIOLATION} or {PERSON}
            if says_otherwise(label, feature, kinds | like):
                yield PERSON

    return answer((), marks())


def rule_13_7a(seen: Seen) -> Answer:
    return forced_features(seen, "13.7a", {FeatureKind.CHECK_IN}, set())


def rule_13_7b(seen: Seen) -> Answer:
    return forced_features(seen, "13.7b", POINTS, LIKE_POINTS)


def rule_13_7c(seen: Seen) -> Answer:
    return forced_features(seen, "13.7c", TIME, set())


def rule_14_1(seen: Seen) -> Answer:
    """Installation, registration or use that is required, or has a target."""

    def marks() -> Iterator[str]:
        if seen.manifest.usage_policy is None:
            yield DECLARATION
        for entry in seen.manifest.usage_policy or ():
            if entry.measure is None:
                yield DECLARATION
            elif entry.measure in RATES:
                if entry.required or entry.target not in {None, "none"}:
                    yield VIOLATION
                elif entry.required is None or entry.target is None:
                    yield DECLARATION
                else:
                    yield COMPLIANT

    return answer((), marks())


def rule_14_2(seen: Seen) -> Answer:
    """Rates that are assessed, ranked or circulated."""

    def marks() -> Iterator[str]:
        if seen.manifest.usage_policy is None:
            yield DECLARATION
        for entry in seen.manifest.usage_policy or ():
            if entry.measure is None:
                yield DECLARATION
            elif entry.measure in RATES:
                told = {entry.assessed, entry.ranked, entry.circulated}
                if True in told:
                    yield VIOLATION
                elif None in told:
                    yield DECLARATION
                else:
                    yield COMPLIANT

    return answer((), marks())


def rule_14_3(seen: Seen) -> Answer:
    """A required rhythm of log-in, check-in or use, an activity target, a penalty for not logging in."""

    def marks() -> Iterator[str]:
        if seen.manifest.usage_policy is None or seen.manifest.features is None:
            yield DECLARATION
        for entry in seen.manifest.usage_policy or ():
            if entry.measure is None:
                yield DECLARATION
            elif entry.measure in {Measure.LOG_IN, Measure.USE}:
                yield _regular_mark(entry)
        for feature in seen.manifest.features or ():
            if feature.kind is None:
                yield DECLARATION
            elif feature.kind in {FeatureKind.CHECK_IN, FeatureKind.STUDY_TIME}:
                yield from _rhythm_marks(feature)

    return answer((), marks())


def _regular_mark(entry: UsagePolicy) -> str:
    rhythm = entry.rhythm is not None and entry.rhythm not in NO_RHYTHM
    if rhythm or entry.target not in {None, "none"} or entry.penalty not in {None, "none"}:
        return VIOLATION
    return DECLARATION if None in (entry.rhythm, entry.target, entry.penalty) else COMPLIANT


def _rhythm_marks(feature: Feature) -> set[str]:
    if feature.rhythm in NO_RHYTHM:
        return {COMPLIANT}
    forced = forced_marks(feature)
    if forced == {COMPLIANT}:
        return forced
    lacks = forced - {VIOLATION} | ({DECLARATION} if feature.rhythm is None else set())
    return lacks or {VIOLATION}


def rule_14_4(seen: Seen) -> Answer:
    """An appraisal or inspection feature that is the main carrier."""

    def marks() -> Iterator[str]:
        if seen.manifest.features is None:
            yield DECLARATION
        for feature in seen.manifest.features or ():
            if feature.kind is None:
                yield DECLARATION
            elif feature.kind in {FeatureKind.APPRAISAL, FeatureKind.INSPECTION}:
                often = feature.rhythm in {Period.SEVERAL_DAILY, Period.DAILY, Period.WEEKLY}
                if feature.main_carrier is None:
                    yield DECLARATION
                elif feature.main_carrier:
                    yield VIOLATION
                else:
                    yield PERSON if often or feature.all_users else COMPLIANT
            elif says_otherwise("14.4", feature, {FeatureKind.APPRAISAL, FeatureKind.INSPECTION}):
                yield PERSON

    return answer((), marks())


def rule_14_5(seen: Seen) -> Answer:
    """Figures of use as a basis of assessment."""

    def marks() -> Iterator[str]:
        if seen.manifest.metrics is None:
            yield DECLARATION
        for entry in seen.manifest.metrics or ():
            if entry.metric is None:
                yield DECLARATION
            elif entry.metric in {Metric.LIKES, Metric.VOTES, Metric.FORWARDS, Metric.STUDY_TIME}:
                yield VIOLATION
            else:
                yield PERSON

    return answer((), marks())


def may_be_of_lower_units(feature: Feature) -> bool:
    """Tell whether lower or grassroots units use a feature, as far as declared."""
    return feature.audience is None or Audience.LOWER_UNITS in feature.audience


def rule_14_6(seen: Seen) -> Answer:
    """Photos, videos and tracks that lower units are forced to upload."""

    def marks() -> Iterator[str]:
        if seen.manifest.features is None:
            yield DECLARATION
        for feature in seen.manifest.features or ():
            if feature.kind is None:
                yield DECLARATION
            elif feature.kind in UPLOADS:
                yield from _upload_marks(seen, feature)
            elif may_be_of_lower_units(feature) and says_otherwise("14.6", feature, UPLOADS):
                yield PERSON

    return answer((), marks())


def _upload_marks(seen: Seen, feature: Feature) -> set[str]:
    if not may_be_of_lower_units(feature):
        return set()
    lacks = {DECLARATION} if feature.audience is None else set()
    forced = forced_marks(feature)
    if forced != {VIOLATION}:
        return lacks | forced
    if feature.necessity is None:
        return lacks or {VIOLATION}
    granted = seen.granted(GrantKind.NECESSITY, feature=feature.id)
    if granted is None:
        return lacks | {REGISTRY}
    return lacks | ({EXEMPT} if granted else {PERSON})


RULES = {
    "13.7a": rule_13_7a,
    "13.7b": rule_13_7b,
    "13.7c": rule_13_7c,
    "14.1": rule_14_1,
    "14.2": rule_14_2,
    "14.3": rule_14_3,
    "14.4": rule_14_4,
    "14.5": rule_14_5,
    "14.6": rule_14_6,
}
