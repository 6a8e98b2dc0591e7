"""填表报数交材料功能不延伸到县级。

中央和国家机关部门的应用，其填表、报数、交材料功能到达县级、乡级或村级的为违反；只到达省级、市级的符合。到达哪些层级，
以该功能声明的层级为准。确有必要的须有登记的例外批准，可以批给整个应用，也可以只批给某一功能。

----

Form functions do not extend down to county level.

An app of a central department breaks this for each of its functions for filling forms, reporting figures or handing
in materials that reaches county, township or village level; one that stays at province or city level complies. The
levels declared for the function count. Only a derogation on record lifts it, given for the whole app or for the
function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import addressed, contents, derogations, lacks
from services.manifest.terms import FORM_KINDS, GRASSROOTS, Level
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Feature

LABEL = "12.2"
ADDRESSES = (addressed.central_department,)
NOTHING = Text("没有填表报数交材料功能", "there is no form function")


def check(case: Case) -> Iterator[Mark]:
    """Judge the levels of every form function."""
    for each in contents.features_of(case, FORM_KINDS):
        yield each if isinstance(each, Lack) else _judge(case, *each)


def _judge(case: Case, place: str, feature: Feature) -> Mark:
    levels, at = feature.levels, f"{place}/levels"
    if contents.stays_above(case.manifest, GRASSROOTS):
        return Satisfied(place)
    if levels is None:
        return lacks.undeclared(at)
    reached = [level for level in Level if level in levels and level in GRASSROOTS]
    if not reached:
        return Satisfied(at)
    name = contents.called(feature)
    finding = Finding(
        at,
        Text(
            f"{name.zh}（{_kind(feature).zh}）延伸到{'、'.join(level.zh for level in reached)}",
            f"{name.en} ({_kind(feature).en}) reaches the {', '.join(level.en for level in reached)} level",
        ),
        Text(
            "功能收到省级或市级，基层数据由省级平台取得；或取得例外批准",
            "keep it at province or city level and have the data from the provincial platform, or obtain a derogation",
        ),
    )
    return derogations.unless_granted(case, LABEL, finding, feature=derogations.Part(feature.id, f"{place}/id"))


def _kind(feature: Feature) -> Text:
    return Text("", "") if feature.kind is None else Text(feature.kind.zh, feature.kind.en)
