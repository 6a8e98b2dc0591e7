"""What if: an app judged as things stand and as they would stand, and the difference of the two reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.differences import difference
from services.audit.engine import report
from services.audit.suppositions import supposed
from services.manifest import ties

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.audit.differences import Difference
    from services.audit.law import Law, Report
    from services.audit.registry_client import RegistryClient
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood


@dataclass(frozen=True, slots=True)
class Standing:
    """How an app is judged: what it declares, the law and the day."""

    manifest: Manifest
    law: Law
    on: date


@dataclass(frozen=True, slots=True)
class Compared:
    """Two reports on one app, and how they differ."""

    before: Report
    after: Report
    difference: Difference


async def compare(
    registry: RegistryClient, standing: Standing, supposition: Standing, drafts: Sequence[Manifest]
) -> Compared:
    """Judge an app as it stands, and as it would be if something were otherwise.

    Args:
        registry: where the neighbours are asked for; both reports see the same registry revision, or newer for the
            second where the draft asks for other ties.
        standing: the app as it stands.
        supposition: the app as it would be.
        drafts: manifests of other apps, each with an id, supposed to be registered and approved.

    Raises:
        RegistryUnavailable: the registry gives no answer; a difference of two unknowns would tell nothing.

    """
    before = await registry.neighbourhood(standing.manifest)
    after = before
    if supposition.manifest is not standing.manifest:
        after = await registry.neighbourhood(supposition.manifest)
    after = _with(after, supposition.manifest, drafts)
    first = report(standing.manifest, before, standing.law, standing.on)
    second = report(supposition.manifest, after, supposition.law, supposition.on)
    is_same = (before.ties, before.grants, before.sponsor) == (after.ties, after.grants, after.sponsor)
    return Compared(first, second, difference(first, second, is_neighbourhood_same=is_same))


def _with(neighbourhood: Neighbourhood, manifest: Manifest, drafts: Sequence[Manifest]) -> Neighbourhood:
    if not drafts:
        return neighbourhood
    return supposed(neighbourhood, ties.questions(manifest, neighbourhood.sponsor), drafts, app=manifest.id)
