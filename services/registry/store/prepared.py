"""What is stored of an app: its manifest and all that is derived from it, worked out before anything is locked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from services.manifest import ties
from services.manifest.model import Sponsor, canonical, fingerprint
from services.registry.store import offers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.manifest.model import Manifest


@dataclass(frozen=True, slots=True)
class Prepared:
    """A manifest and all that is derived from it, worked out before anything is locked."""

    app: str
    hash: str
    text: str
    columns: dict[str, Any]
    offered: Sequence[offers.Offered]


def prepare(app: str, manifest: Manifest, max_offers: int) -> Prepared:
    """Work out what will be stored of an app when it declares this manifest.

    Raises:
        RefusedError: the app would make more offers than `max_offers`.

    """
    text = canonical(manifest)
    return Prepared(app, fingerprint(text), text.decode(), _columns(manifest), offers.offered(manifest, max_offers))


def _columns(manifest: Manifest) -> dict[str, Any]:
    """Give what lists filter by and tell."""
    sponsor = manifest.sponsor or Sponsor()
    organ = sponsor.root_organ or sponsor.name
    kinds = sorted({feature.kind for feature in manifest.features or () if feature.kind is not None})
    return {
        "name": manifest.name,
        "name_key": None if manifest.name is None else ties.name_key(manifest.name),
        "kind": manifest.kind,
        "sponsor": sponsor.name,
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
    }
