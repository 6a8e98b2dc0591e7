"""A second evaluator of Articles 12–14, deliberately naive: slow, plain, and written from the law alone.

It gives only verdicts and the kinds of what is lacking. With the engine it shares the manifest, its ties and the words
of the lexicon, and nothing that judges: where the two differ, one of them has misread the law.
"""

from __future__ import annotations

from datetime import date

from services.manifest.model import Manifest
from services.manifest.neighbourhood import Neighbourhood
from services.manifest.terms import AppKind, Stage
from tests.property.naive import article_12_apps, article_12_asks, article_13, article_14
from tests.property.naive.seen import IN_FORCE_ON, NOT_APPLICABLE, Answer, Seen

RULES = {**article_12_apps.RULES, **article_12_asks.RULES, **article_13.RULES, **article_14.RULES}


def verdicts(manifest: Manifest, neighbourhood: Neighbourhood | None, on: date) -> dict[str, Answer]:
    """Give the verdict of every rule, with the kinds of all that is lacking when it is undetermined."""
    out_of_scope = manifest.kind in {AppKind.PUBLIC_ACCOUNT, AppKind.WORK_GROUP, AppKind.TERMINAL}
    if out_of_scope or manifest.stage == Stage.RETIRED or on < IN_FORCE_ON:
        return {label: (NOT_APPLICABLE, frozenset()) for label in RULES}
    seen = Seen(manifest, neighbourhood, on)
    return {label: rule(seen) for label, rule in RULES.items()}
