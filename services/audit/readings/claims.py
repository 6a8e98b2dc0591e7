"""Claims: what an app claims for one of its features counts when the registry holds a grant of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Exemption, Lack
from services.audit.readings import lacks
from services.text import Text

if TYPE_CHECKING:
    from services.audit.law import Case
    from services.manifest.model import Feature
    from services.manifest.neighbourhood import GrantKind


def judge(case: Case, kind: GrantKind, place: str, feature: Feature, claim: Text) -> Exemption | Lack:
    """Judge a claim for a feature by the grants on record: granted, to be judged by a person, or not to be known.

    Args:
        case: the case.
        kind: what is claimed.
        place: JSON pointer of the claim.
        feature: the feature it is made for.
        claim: what is claimed, as the beginning of a sentence.
    """
    if case.neighbourhood is None:
        return lacks.registry_silent(place)
    if granted := case.grants(kind, feature=feature.id):
        ids = "、".join(grant.id for grant in granted), ", ".join(grant.id for grant in granted)
        reason = Text(f"{claim.zh}，已获批准（{ids[0]}）", f"{claim.en}, which has been granted ({ids[1]})")
        return Exemption(place, reason, tuple(grant.id for grant in granted))
    return lacks.ask_person(
        place,
        Text(
            f"{claim.zh}，登记系统中没有批准：主张是否成立？",
            f"{claim.en}, without a grant on record: does the claim hold?",
        ),
        Text(
            "由有权机关核定并登记；已批准给某一功能的，写明该功能的标识",
            "the competent authority decides and has it recorded; if granted for one feature, give that one's id",
        ),
    )
