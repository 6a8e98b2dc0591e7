"""市县级应用的填表报数交材料功能与省级平台整合。

市级、县级地方单位的应用，每个填表、报数、交材料功能，省级平台有相应功能（同一类型的功能）的，须已整合、有期限未过的
整合计划，或者本应用已决定在期限内整合、下线。声明没有整合、也没有计划，或计划已过期的，为违反。服务到的每个省都要有
登记在册、已上线或下线中的省级平台（已批准、在建的还没有相应功能，不算），没有的待登记信息；省级平台都没有相应功能的，
不适用。省级平台自身不适用。

----

Form functions of city and county apps are merged with those of the provincial platform.

Every form function (filling forms, reporting figures, handing in materials) of a city or county app for which the
provincial platform has a corresponding one, that is one of the same kind, is integrated with it, or will be by a day
not past, or the app itself is to be merged or retired by a day not past. Declared not to be, or a day that has
passed, is a violation. For every province the app serves the registry must know a platform that is online or retiring
(one approved or being built has no functions yet); otherwise the verdict waits for the registry. Where no platform
has a corresponding function the rule is not applicable, nor is it to the platform itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, NotAddressed, Satisfied
from services.audit.readings import addressed, contents, items, lacks, plans, platforms
from services.audit.readings.conditions import all_of, any_of
from services.manifest.model import NONE
from services.manifest.terms import FORM_KINDS, Level
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Feature

LABEL = "12.11"
ADDRESSES = (
    addressed.local_sponsor,
    addressed.sponsor_at(Level.CITY, Level.COUNTY),
    addressed.no_provincial_platform,
)
NOTHING = Text("没有填表报数交材料功能", "there is no form function")
INTEGRATION = Text("与省级平台整合", "integration with the provincial platform")
KINDS = Text("功能类型", "the kinds of its features")


def check(case: Case) -> Iterator[Mark]:
    """Judge the integration of every form function that the provincial platform has too."""
    for each in contents.features_of(case, FORM_KINDS):
        if isinstance(each, Lack):
            yield each
        else:
            yield from _judge(case, *each)


def _judge(case: Case, place: str, feature: Feature) -> Iterator[Mark]:
    at = f"{place}/integration"
    found = list(platforms.of_provinces(case, at))
    lacking = [each for each in found if isinstance(each, Lack)]
    corresponding = any_of(
        *(
            all_of(
                platforms.in_use(at, each),
                items.told(at, each, each.facts.form_kinds, lambda kinds: feature.kind in kinds, KINDS),
            )
            for each in found
            if not isinstance(each, Lack)
        )
    )
    yield from lacking
    if isinstance(corresponding, tuple):
        yield from corresponding
    if corresponding is True:
        yield from _integrated(case, at, feature)
    elif not corresponding and not lacking:
        yield NotAddressed(
            Text("省级平台没有相应的填表报数交材料功能", "the provincial platform has no corresponding form function")
        )


def _integrated(case: Case, at: str, feature: Feature) -> Iterator[Mark]:
    link, name = feature.integration, contents.called(feature)
    mark: Finding | Lack | None
    if link is None:
        mark = lacks.undeclared(at)
    elif link == NONE:
        mark = Finding(
            at,
            Text(
                f"{name.zh}没有与省级平台整合，也没有计划",
                f"{name.en} is not integrated with the provincial platform, nor planned to be",
            ),
            Text(
                "与省级平台整合，或写明计划期限；或决定整合、下线本应用",
                "integrate it, or plan to by a day; or decide to merge or retire the app",
            ),
        )
    else:
        mark = plans.linked(case, at, link, INTEGRATION)
    ends = plans.ends(case)
    if mark is None or ends is True:
        yield Satisfied(at)
    elif isinstance(mark, Finding) and isinstance(ends, tuple):
        # What is not declared of the decision to merge or retire the app may still lift the breach.
        yield from ends
    else:
        yield mark
