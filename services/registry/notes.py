"""What a sponsor should be told of a manifest that was recorded all the same: it does not agree with what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest import divisions
from services.manifest.contradictions import Contradiction
from services.manifest.organisations import contradictions
from services.registry.organisations import outdated

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Recorded


def notes(manifest: Manifest, recorded: Recorded | None, today: date) -> Iterator[Contradiction]:
    """Find where a manifest says what the tree of organisations, or the list of divisions, does not.

    Args:
        manifest: what the app declares.
        recorded: what the tree knows of its sponsor.
        today: which day it is; a code must be valid on it.

    """
    yield from contradictions(manifest.sponsor, recorded)
    places = [] if manifest.sponsor is None else [("/sponsor/division", manifest.sponsor.division)]
    places += [(f"/regions/{i}", region) for i, region in enumerate(manifest.regions or ())]
    for place, code in places:
        if code is not None and not divisions.exists(code, today):
            yield Contradiction(place, *outdated(code, today))
