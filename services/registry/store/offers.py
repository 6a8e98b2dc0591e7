"""Offers: what apps offer under each tie. A row is written again only when its own facts have changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update
from sqlmodel import col

from services.manifest import ties
from services.registry.refusals import Objection, RefusedError
from services.registry.store.facts import written
from services.registry.tables import Offer
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.manifest.model import Manifest
    from services.registry.store.database import Write


@dataclass(frozen=True, slots=True)
class Offered:
    """What an app offers under one tie in one division: the columns of its row."""

    tie: str
    division: str
    places: int
    facts: str


def offered(manifest: Manifest, at_most: int) -> list[Offered]:
    """Derive the rows of an app's offers.

    Raises:
        RefusedError: there would be more than `at_most`.

    """
    offers = list(islice(ties.offers(manifest), at_most + 1))
    if len(offers) > at_most:
        raise RefusedError(_too_many(at_most))
    facts = {id(offer.facts): written(offer.facts) for offer in offers}  # one tie's facts are the same everywhere
    found = [(ties.index_key(offer.tie), offer.division, facts[id(offer.facts)]) for offer in offers]
    places = Counter(tie for tie, _, _ in found)
    return [Offered(tie, division, places[tie], facts) for tie, division, facts in found]


def replace(write: Write, app: str, wanted: Iterable[Offered]) -> None:
    """End the live offers of an app that are not among those wanted, and begin those that are new."""
    live = select(col(Offer.id), col(Offer.tie), col(Offer.division), col(Offer.places), col(Offer.facts)).where(
        col(Offer.app) == app, col(Offer.until).is_(None)
    )
    found = write.connection.execute(live)
    ids = {Offered(tie, division, places, facts): number for number, tie, division, places, facts in found}
    begun = [offer for offer in dict.fromkeys(wanted) if ids.pop(offer, None) is None]
    if ids:
        ended = update(Offer).where(col(Offer.id) == bindparam("number")).values(until=write.revision)
        write.connection.execute(ended, [{"number": number} for number in ids.values()])
    if begun:
        write.connection.execute(
            insert(Offer), [{**asdict(offer), "app": app, "since": write.revision} for offer in begun]
        )


def _too_many(at_most: int) -> Objection:
    fact = Text(
        f"服务区域与数据项等关联键的组合超过 {at_most} 个",
        f"the regions served times the items and other ties are more than {at_most}",
    )
    remedy = Text(
        "改写较大的服务区域，例如省代码或空串（全国）", "declare larger regions, such as provinces, or the country"
    )
    return Objection("/regions", fact, remedy)
