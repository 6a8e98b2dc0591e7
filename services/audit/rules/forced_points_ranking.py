"""不设置强制积分排名功能。

除安保、应急等特殊场景规定外，应用不得设置强制性的积分、排名功能。要求用户参加，或者不参加会影响积分、排名、考核或使用
权限的，都是强制；声明为非强制的，须写明用户如何拒绝。特殊场景须在清单中主张（场景和所依据的规定），并在登记系统中有批
准记录。强制点赞、投票、转发没有写进条文，是否属于“等强制性功能”转人工判断。名称或说明里有积分、排行、龙虎榜、点赞、
投票等字样而类型另有声明的，也转人工判断。

----

No forced points or ranking.

Except as prescribed for special scenarios such as security and emergency, an app has no forced points or ranking.
They are forced when users must take part, or when declining costs points, rank, appraisal or access; a feature
declared not forced says how a user declines. A special scenario is claimed in the manifest (kind, and the
prescription it rests on) and granted on record in the registry. The text does not name forced likes, votes and
forwards; whether its “and the like” means them is put to a person. So is a feature whose words say points, ranking,
likes, votes or forwards while its declared kind says otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.readings import force
from services.manifest.terms import FeatureKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.7b"
ADDRESSES = ()
NOTHING = Text(
    "清单中没有积分、排名、点赞、投票或转发功能", "the manifest has no points, ranking, likes, votes or forwards"
)
KINDS = frozenset({FeatureKind.POINTS_RANKING})
AND_THE_LIKE = frozenset({FeatureKind.LIKES, FeatureKind.VOTES, FeatureKind.FORWARDS})


def check(case: Case) -> Iterator[Mark]:
    """Judge every feature of points or ranking, and those that the provision may mean by 「等」."""
    yield from force.forced_features(case, KINDS, AND_THE_LIKE)
    yield from force.renamed(case, LABEL, KINDS | AND_THE_LIKE)
