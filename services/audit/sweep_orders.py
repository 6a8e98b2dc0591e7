"""Setting sweeps going, and judging an app of one again from the registry's history."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

from services.audit.differences import difference
from services.audit.engine import report
from services.audit.regulation import LAWS
from services.audit.sweep_tables import Sweep, SweepState
from services.audit.sweeps import RULE_IDS, program, series, settled

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from services.audit.differences import Difference
    from services.audit.law import Law, Report
    from services.audit.registry_client import RegistryClient
    from services.audit.registry_streams import Conditions, RegistryStreams
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood

OF_LISTS = frozenset({"as_of", "cursor", "fields", "limit", "partition", "sort", "total"})
"""Parameters of the registry's lists and snapshots that are no conditions on apps."""

_CASES_OF_A_PART = 2000
_MOST_PARTS = 64


class NoSuchLawError(Exception):
    """This program does not hold the version of the law by which was judged."""


class NoLongerHeldError(Exception):
    """The registry does not hold what was judged; it is another one, or was restored."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be swept: the apps of a filter, as of a registry revision (None: the latest), by a law on a day.

    One that `follows` stays current after it was done.
    """

    wanted: Conditions
    law: Law
    on: date
    who: str
    revision: int | None = None
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Again:
    """A report made again, and what it was made of."""

    report: Report
    neighbourhood: Neighbourhood
    manifest: Manifest


def prepare(order: Order, streams: Callable[[], RegistryStreams]) -> Sweep:
    """Ask the registry what there is to be swept, and give the sweep, not kept yet.

    Raises:
        RegistryUnavailable: it gives no answer.
        RegistryRefused: it does not understand the conditions, or has not reached the revision.

    """
    wanted = settled(order.wanted, order.on)
    with streams() as registry:
        revision = registry.revision() if order.revision is None else order.revision
        total = registry.count(wanted, revision)
    return Sweep(
        id=f"sweep-{secrets.token_hex(12)}",
        state=SweepState.RUNNING.value,
        filter=orjson.dumps(wanted, option=orjson.OPT_SORT_KEYS).decode(),
        # A filter that asks for grants does so on the day judged: that day makes no other series of it.
        series=series(order.wanted),
        day=order.on,
        law=order.law.version,
        rules=orjson.dumps(RULE_IDS).decode(),
        revision=revision,
        total=total,
        parts=min(_MOST_PARTS, max(1, -(-total // _CASES_OF_A_PART))),
        who=order.who,
        begun_at=datetime.now(UTC),
        asked=orjson.dumps(order.wanted).decode() if order.follows else None,
        program=program(),
    )


async def again(registry: RegistryClient, sweep: Sweep, app: str) -> Again:
    """Judge an app of a sweep again, as it stood then: judging is a pure function, so the report is the same.

    Raises:
        NoSuchLawError: it was judged by another version of the law.
        NoLongerHeldError: the registry did not hold the app then.
        RegistryUnavailable: the registry gives no answer.

    """
    law = LAWS.get(sweep.law)
    if law is None:
        raise NoSuchLawError(sweep.law)
    then = await registry.registered(app, as_of=sweep.revision)
    if then is None:
        raise NoLongerHeldError(app)
    seen = await registry.neighbourhood(then.manifest, as_of=sweep.revision)
    return Again(report(then.manifest, seen, law, sweep.day), seen, then.manifest)


def compare(before: Again, after: Again) -> Difference:
    """Tell how the reports of two sweeps on one app differ, and why."""
    first, second = before.neighbourhood, after.neighbourhood
    is_same = (first.ties, first.grants, first.sponsor) == (second.ties, second.grants, second.sponsor)
    return difference(before.report, after.report, is_neighbourhood_same=is_same)
