"""What is stored of an app: its manifest and all that is derived from it, worked out before anything is locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.manifest import ties
from services.manifest.model import Consolidation, Sponsor, canonical, fingerprint
from services.registry.search_text import searched
from services.registry.store import offers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Recorded
    from services.registry.search_text import Searched

_SORTED = 64  # characters of a name that lists are sorted by; PostgreSQL indexes no entry over 2,704 bytes
_DAYS = ("proposed_on", "begun_on", "online_on", "retire_on", "retired_on")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest and all that is derived from it, worked out before anything is locked."""

    app: str
    hash: str
    text: str
    columns: dict[str, Any]
    offered: Sequence[offers.Offered]
    searched: Searched
    found: Recorded | None = None


def prepare(app: str, manifest: Manifest, max_offers: int) -> Prepared:
    """Work out what will be stored of an app when it declares this manifest.

    Raises:
        RefusedError: the app would make more offers than `max_offers`.

    """
    text = canonical(manifest)
    offered = offers.offered(manifest, max_offers)
    return Prepared(app, fingerprint(text), text.decode(), _columns(manifest), offered, searched(manifest))


def _columns(manifest: Manifest) -> dict[str, Any]:
    """Give what lists filter by and tell."""
    sponsor = manifest.sponsor or Sponsor()
    organ = sponsor.root_organ or sponsor.name
    name = None if manifest.name is None else ties.name_key(manifest.name)
    consolidation = manifest.consolidation
    kinds = sorted({feature.kind for feature in manifest.features or () if feature.kind is not None})
    return {
        "name": manifest.name,
        "name_key": name,
        "name_start": None if name is None else name[:_SORTED],
        "kind": manifest.kind,
        "sponsor": sponsor.name,
        "sponsor_key": None if sponsor.name is None else ties.index_key(ties.name_key(sponsor.name)),
        "credit_code": sponsor.credit_code,
        "root_organ": sponsor.root_organ,
        "department_key": None if organ is None else ties.index_key(ties.name_key(organ)),
        "level": sponsor.level,
        "division": sponsor.division,
        "sector": manifest.sector,
        "sector_key": None if manifest.sector is None else ties.index_key(ties.name_key(manifest.sector)),
        "role": manifest.role,
        "stage": manifest.stage,
        "faces_grassroots": ties.faces_grassroots(manifest),
        "feature_kinds": None if manifest.features is None else f" {' '.join(kinds)} ",
        **{day: getattr(manifest, day) for day in _DAYS},
        "consolidation_due_on": consolidation.due_on if isinstance(consolidation, Consolidation) else None,
    }
