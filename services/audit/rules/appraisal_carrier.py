"""应用不是工作考核和督查检查的主要载体。

考核类、督查检查类功能要声明是否为主要载体，即考核或督查是否主要通过它进行：声明是的为违反，没有声明的为待定。声明不
是、而要求的频次为每周或更密，或者适用于全体用户的，转人工判断。名称或说明里有线上督查、工作考核等字样而类型另有声明
的，也转人工判断。

----

The app is not the main carrier of appraisal or inspection.

A feature for appraisal or inspection declares whether it is the main carrier, that is, whether appraisal or
inspection is done chiefly through it: when it is, that is a violation; undeclared, the rule is undetermined. One that
declares it is not, yet is required weekly or more often, or applies to all users, is put to a person. So is a feature
whose words say appraisal or inspection while its declared kind says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, force, lacks
from services.manifest.model import NONE
from services.manifest.terms import FeatureKind, Period
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Feature

LABEL = "14.4"
ADDRESSES = ()
NOTHING = Text("清单中没有考核或督查检查功能", "the manifest has no feature for appraisal or inspection")
KINDS = frozenset({FeatureKind.APPRAISAL, FeatureKind.INSPECTION})
EVERYDAY = frozenset({Period.SEVERAL_DAILY, Period.DAILY, Period.WEEKLY})
"""日常化: rhythms that make appraisal or inspection a matter of every day."""


def check(case: Case) -> Iterator[Mark]:
    """Judge every feature for appraisal or inspection."""
    for each in contents.features_of(case, KINDS):
        yield each if isinstance(each, Lack) else _judge(*each)
    yield from force.renamed(case, LABEL, KINDS)


def _judge(place: str, feature: Feature) -> Mark:
    at, name = f"{place}/main_carrier", contents.called(feature)
    if feature.main_carrier is None:
        return lacks.undeclared(at)
    if feature.main_carrier:
        return Finding(
            at,
            Text(f"考核或督查主要通过{name.zh}进行", f"appraisal or inspection is done chiefly through {name.en}"),
            Text(
                "考核、督查不再以应用为主要载体", "no longer make the app the main carrier of appraisal or inspection"
            ),
        )
    signs = list(_signs(feature))
    if not signs:
        return Satisfied(place)
    zh, en = "、".join(sign.zh for sign in signs), " and ".join(sign.en for sign in signs)
    return lacks.ask_person(
        at,
        Text(
            f"{name.zh}声明不是主要载体，却{zh}：是否确实不是？",
            f"{name.en} is declared not to be the main carrier, yet is {en}: is it really not?",
        ),
        Text("减少频次、缩小范围，或由审批部门核实", "make it rarer or narrower, or have the authority verify it"),
    )


def _signs(feature: Feature) -> Iterator[Text]:
    if feature.rhythm is not None and feature.rhythm != NONE and feature.rhythm in EVERYDAY:
        yield Text(f"{feature.rhythm.zh}进行", f"required {feature.rhythm.en}")
    if feature.all_users:
        yield Text("适用于全体用户", "applied to all users")
