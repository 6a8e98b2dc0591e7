"""A nation of government apps to measure with: as many as wanted, in realistic proportion, the same in every run.

The app of a number is drawn from a seed and that number alone, so the first thousand of a million apps are the
thousand apps of a smaller nation. The first 31 are the provincial platforms, then come the unified apps of the sectors;
all others are of one hundred departments of the centre and of provinces, cities, counties and towns. Divisions are
real; units, vendors and documents are made up and say so. About half of the apps break nothing by themselves, the
others one to three provisions; some hold grants that lift it, and one in eight leaves something undeclared.

`python -m benchmarks.nation 1000 > nation.ndjson` writes manifests, one on a line, as the registry imports them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.nation.apps import draw
from benchmarks.nation.days import JUDGED_ON

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["JUDGED_ON", "SEED", "Declared", "app", "apps"]

SEED = 20260901


@dataclass(frozen=True, slots=True)
class Declared:
    """An app as it is sent to the registry.

    Args:
        id: of the app.
        manifest: the canonical bytes of its manifest.
        grants: what was granted to it, each as `POST /v1/apps/{id}/grants` takes it.
    """

    id: str
    manifest: bytes
    grants: Sequence[dict[str, Any]]


def app(number: int, seed: int = SEED) -> Declared:
    """Give the app of a number, from 0 on."""
    id, manifest, grants = draw(number, seed)
    return Declared(id, orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS), grants)


def apps(end: int, first: int = 0, seed: int = SEED) -> Iterator[Declared]:
    """Give the apps from number `first` up to, but without, `end`."""
    for number in range(first, end):
        yield app(number, seed)
