"""Audits: a registered app is judged before the live registry, as it declares itself and as it was observed.

Nothing is recorded here: the store does that, in one transaction with the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from services.audit.attestations import Observed, as_observed
from services.audit.decisions import ChangedError, UnknownAppError
from services.audit.differences import difference
from services.audit.engine import report
from services.audit.regulation import LAW
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.audit.attestations import Attested
    from services.audit.law import Law, Report
    from services.audit.registry_client import Registered, RegistryClient
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood

TRIES = 3
"""How often an app is read again that changes while its neighbours are asked for."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An audit that is ready to be recorded.

    Args:
        app: id of the app.
        stated: the revision of its last change.
        manifest: what it declares.
        revision: the registry revision that was seen.
        report: the report on what it declares.
        observed: what the engine says of it as it was observed; None when nothing was observed.
    """

    app: str
    stated: int
    manifest: Manifest
    revision: int
    report: Report
    observed: Observed | None

    def record(self) -> bytes:
        """Give what is kept of it."""
        return orjson.dumps({"report": self.report, "observed": self.observed}, option=orjson.OPT_SORT_KEYS)


@dataclass(frozen=True, slots=True)
class Audits:
    """Judges registered apps before `registry`; where that gives no answer there is no audit."""

    registry: RegistryClient
    law: Law = LAW

    async def registered(self, app: str) -> Registered:
        """Give a registered app.

        Raises:
            UnknownAppError: there is none, or it was withdrawn.
            RegistryUnavailable: the registry gives no answer.

        """
        found = await self.registry.registered(app)
        if found is None or found.withdrawn_at is not None:
            raise UnknownAppError(app)
        return found

    async def judge(self, app: str, day: date, attested: Sequence[Attested] = ()) -> Judged:
        """Judge a registered app in its present neighbourhood.

        Args:
            app: its id.
            day: the day judged.
            attested: what was observed of it.

        Raises:
            UnknownAppError: the registry has no such app on its books.
            ChangedError: it goes on changing while it is judged.
            RegistryUnavailable: the registry gives no answer.

        """
        for _ in range(TRIES):
            found = await self.registered(app)
            seen = await self.registry.neighbourhood(found.manifest)
            # What was fetched first must be what stood when its neighbours were asked.
            then = await self.registry.registered(app, as_of=seen.revision)
            if then is not None and then.revision == found.revision:
                declared = report(found.manifest, seen, self.law, day)
                observed = await self._observed(found.manifest, seen, declared, attested)
                return Judged(app, found.revision, found.manifest, seen.revision, declared, observed)
        raise ChangedError(
            "/app",
            Text(f"应用 {app} 正在变动", f"the app {app} changes while it is audited"),
            Text("稍后再审查", "audit it again in a moment"),
        )

    async def _observed(
        self, manifest: Manifest, seen: Neighbourhood, declared: Report, attested: Sequence[Attested]
    ) -> Observed | None:
        if not attested:
            return None
        supposed, taken, left_out = as_observed(manifest, attested)
        around = await self.registry.neighbourhood(supposed, as_of=seen.revision) if taken else seen
        found = report(supposed, around, self.law, declared.on)
        is_same = (around.ties, around.grants, around.sponsor) == (seen.ties, seen.grants, seen.sponsor)
        return Observed(found, difference(declared, found, is_neighbourhood_same=is_same), taken, left_out)
