"""What if: the neighbourhood of an app as it would be if some drafts stood in the registry.

Only what was told can be taken away or replaced: of an item, the registry tells the first neighbours and a total. A
draft of an app that is already among them takes its place; any other one counts as one more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from services.manifest import divisions, ties
from services.manifest.neighbourhood import Neighbour
from services.manifest.terms import Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood, TieAnswer
    from services.manifest.ties import Question


def supposed(
    neighbourhood: Neighbourhood, questions: Iterable[Question], drafts: Sequence[Manifest], *, app: str | None
) -> Neighbourhood:
    """Give a neighbourhood in which some drafts have taken the places of what is registered.

    Args:
        neighbourhood: what the registry answered.
        questions: what it was asked.
        drafts: manifests of other apps, each with an id.
        app: id of the app that asked; a draft of it is none of its neighbours.

    """
    asked = {each.tie: each for each in questions}
    others = [each for each in drafts if each.id is not None and each.id != app]
    answers = (_supposed(each, asked[each.tie], others) if each.tie in asked else each for each in neighbourhood.ties)
    return replace(neighbourhood, ties=tuple(answers))


def _supposed(answer: TieAnswer, question: Question, drafts: Sequence[Manifest]) -> TieAnswer:
    ids = {each.id for each in drafts}
    kept = tuple(each for each in answer.neighbours if each.app not in ids)
    offered = tuple(found for each in drafts if (found := _offered(each, question)) is not None)
    total = answer.total - (len(answer.neighbours) - len(kept)) + len(offered)
    return replace(answer, total=total, neighbours=(*offered, *kept))


def _offered(draft: Manifest, question: Question) -> Neighbour | None:
    for offer in ties.offers(as_built(draft)):
        if offer.tie == question.tie and any(divisions.overlaps(offer.division, each) for each in question.regions):
            return Neighbour(draft.id or "", offer.facts)
    return None


def as_built(draft: Manifest) -> Manifest:
    """Give a draft as if it were approved: a proposal offers nothing, and would bear on nobody."""
    return draft.model_copy(update={"stage": Stage.APPROVED}) if draft.stage is Stage.PROPOSED else draft
