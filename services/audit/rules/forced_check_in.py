"""不设置强制打卡签到功能。

除安保、应急等特殊场景规定外，应用不得设置强制性的打卡签到功能。要求用户打卡，或者拒绝打卡会影响积分、排名、考核或使用
权限的，都是强制；声明为非强制的，须写明用户如何拒绝。特殊场景须在清单中主张（场景和所依据的规定），并在登记系统中有批
准记录。名称或说明里有打卡、签到字样而类型另有声明的，转人工判断。

----

No forced check-in.

Except as prescribed for special scenarios such as security and emergency, an app has no forced check-in. It is forced
when users must check in, or when declining costs points, rank, appraisal or access; a feature declared not forced
says how a user declines. A special scenario is claimed in the manifest (kind, and the prescription it rests on) and
granted on record in the registry. A feature whose words say check-in while its declared kind says otherwise is put to
a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.readings import force
from services.manifest.terms import FeatureKind
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.7a"
ADDRESSES = ()
NOTHING = Text("清单中没有打卡签到功能", "the manifest has no check-in feature")
KINDS = frozenset({FeatureKind.CHECK_IN})


def check(case: Case) -> Iterator[Mark]:
    """Judge every check-in feature."""
    yield from force.forced_features(case, KINDS)
    yield from force.renamed(case, LABEL, KINDS)
