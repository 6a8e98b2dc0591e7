"""非必要不强制下级和基层单位上传工作照片、视频、轨迹。

上传照片、视频、轨迹的功能，使用对象包括下级和基层单位人员并且强制的，须主张必要性并在登记系统中有批准记录：没有主张的
为违反，主张了还没有批准的转人工判断，已批准的豁免。要求用户上传，或者不上传会影响积分、排名、考核或使用权限的，都是强
制；声明为非强制的，须写明用户如何拒绝。只由本单位人员、群众或企业使用的不属于本条。名称或说明里有轨迹、留痕、工作照片
等字样而类型另有声明的，转人工判断。

----

No forced uploads of work photos, videos or tracks by lower units, unless necessary.

A feature for uploading photos, videos or tracks that lower or grassroots units use and that is forced must claim its
necessity and have it granted on record: unclaimed is a violation, claimed and not granted is put to a person, granted
is exempt. It is forced when users must upload, or when declining costs points, rank, appraisal or access; a feature
declared not forced says how a user declines. A feature used only by own staff, citizens or enterprises is not meant.
A feature whose words say tracks or work photos while its declared kind says otherwise is put to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import claims, contents, force, lacks
from services.manifest.neighbourhood import GrantKind
from services.manifest.terms import Audience, FeatureKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Feature

LABEL = "14.6"
ADDRESSES = ()
NOTHING = Text(
    "没有由下级和基层单位人员上传照片、视频或轨迹的功能",
    "no feature has lower or grassroots units upload photos, videos or tracks",
)
KINDS = frozenset({FeatureKind.PHOTO_UPLOAD, FeatureKind.VIDEO_UPLOAD, FeatureKind.TRACK_UPLOAD})


def check(case: Case) -> Iterator[Mark]:
    """Judge every upload of photos, videos or tracks by lower and grassroots units."""
    for each in contents.features_of(case, KINDS):
        if isinstance(each, Lack):
            yield each
        else:
            yield from _judge(case, *each)
    for place, feature in force.alarming(case, LABEL):
        if feature.kind not in KINDS and (feature.audience is None or Audience.LOWER_UNITS in feature.audience):
            yield from force.renamed_feature(LABEL, place, feature)


def _judge(case: Case, place: str, feature: Feature) -> Iterator[Mark]:
    """Judge an upload, unless others use it; while it is undeclared who does, it is held to nothing."""
    marks = _judge_force(case, place, feature)
    if feature.audience is None:
        yield lacks.undeclared(f"{place}/audience")
        yield from (mark for mark in marks if isinstance(mark, Lack))
    elif Audience.LOWER_UNITS in feature.audience:
        yield from marks


def _judge_force(case: Case, place: str, feature: Feature) -> Iterator[Mark]:
    is_forced = force.forced(place, feature)
    name = contents.called(feature)
    if is_forced is False:
        yield Satisfied(place)
    elif is_forced is not True:
        yield from is_forced
    elif feature.necessity is None:
        why = force.told(feature)
        yield Finding(
            force.forced_place(place, feature),
            Text(
                f"下级和基层单位人员使用的{name.zh}{why.zh}，没有主张必要性",
                f"{name.en}, which lower and grassroots units use, {why.en}; no necessity is claimed",
            ),
            Text(
                "改为自愿上传并写明如何拒绝；确有必要的，写明必要性并取得批准",
                "make it voluntary and state how to decline; where it is necessary, say why and have it granted",
            ),
        )
    else:
        said = Text(f"{name.zh}主张有必要", f"{name.en} is claimed to be necessary")
        yield claims.judge(case, GrantKind.NECESSITY, f"{place}/necessity", feature, said)
