"""不设置强制统计在线时长功能。

除安保、应急等特殊场景规定外，应用不得设置强制性的在线时长统计功能，强制累计学习时长的功能按此判断。对全体用户统计在线
时长的，要求用户参加的，或者不参加会影响积分、排名、考核或使用权限的，都是强制；声明为非强制的，须写明用户如何拒绝。特
殊场景须在清单中主张（场景和所依据的规定），并在登记系统中有批准记录。名称或说明里有在线时长、学习时长、学时等字样而类
型另有声明的，转人工判断。

----

No forced online-time statistics.

Except as prescribed for special scenarios such as security and emergency, an app has no forced statistics of online
time; forced counting of study time is judged alike. They are forced when they cover all users, when users must take
part, or when declining costs points, rank, appraisal or access; a feature declared not forced says how a user
declines. A special scenario is claimed in the manifest (kind, and the prescription it rests on) and granted on record
in the registry. A feature whose words say online or study time while its declared kind says otherwise is put to a
person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.readings import force
from services.manifest.terms import FeatureKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.7c"
ADDRESSES = ()
NOTHING = Text("清单中没有统计在线时长或学习时长的功能", "the manifest has no statistics of online or study time")
KINDS = frozenset({FeatureKind.ONLINE_TIME_STATISTICS, FeatureKind.STUDY_TIME})


def check(case: Case) -> Iterator[Mark]:
    """Judge every feature that counts online or study time."""
    yield from force.forced_features(case, KINDS)
    yield from force.renamed(case, LABEL, KINDS)
