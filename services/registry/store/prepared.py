"""What is stored of an app: its manifest and all that is derived from it, worked out before anything is locked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import orjson

from services.manifest import ties
from services.manifest.model import Consolidation, Sponsor, canonical, fingerprint
from services.registry.search_text import Searched, searched
from services.registry.store import offers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Recorded

_SORTED = 64  # characters of a name that lists are sorted by; PostgreSQL indexes no entry over 2,704 bytes
_DAYS = ("proposed_on", "begun_on", "online_on", "retire_on", "retired_on")
_SOFTWARE = version("govapp")


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


def packed(prepared: Prepared) -> str:
    """Write what is derived from a manifest as JSON, to be kept for a while; under which departments is left out."""
    offered = [(each.tie, each.division, each.places, each.facts) for each in prepared.offered]
    found_by = prepared.searched
    derived = (_SOFTWARE, prepared.hash, prepared.columns, offered, (found_by.text, found_by.marks, found_by.words))
    return orjson.dumps(derived).decode()


def unpacked(app: str, text: str, derived: str) -> Prepared | None:
    """Read what `packed` wrote of a manifest; None when other software did, which may have derived other things."""
    software, digest, columns, offered, found_by = orjson.loads(derived)
    if software != _SOFTWARE:
        return None
    offers_of = [offers.Offered(*each) for each in offered]
    return Prepared(app, digest, text, _with_days(columns), offers_of, Searched(*found_by))


def packed_columns(derived: str) -> dict[str, Any]:
    """Read of what `packed` wrote what lists filter by and tell."""
    return _with_days(orjson.loads(derived)[2])


def _with_days(columns: dict[str, Any]) -> dict[str, Any]:
    for name in (*_DAYS, "consolidation_due_on"):
        if columns[name] is not None:
            columns[name] = date.fromisoformat(columns[name])
    return columns


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
        "province": None if sponsor.division is None else sponsor.division[:2],
        "sector": manifest.sector,
        "sector_key": None if manifest.sector is None else ties.index_key(ties.name_key(manifest.sector)),
        "role": manifest.role,
        "stage": manifest.stage,
        "faces_grassroots": ties.faces_grassroots(manifest),
        "feature_kinds": None if manifest.features is None else f" {' '.join(kinds)} ",
        **{day: getattr(manifest, day) for day in _DAYS},
        "consolidation_due_on": consolidation.due_on if isinstance(consolidation, Consolidation) else None,
    }
