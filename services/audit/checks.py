"""Checks: fetch what bears on an app, then judge it. The command line and the service check through this one door."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.engine import report
from services.audit.law import Report
from services.audit.registry_client import RegistryUnavailable
from services.audit.regulation import LAW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from services.audit.following import Following
    from services.audit.law import Law
    from services.audit.registry_client import RegistryClient
    from services.manifest.model import Manifest
    from services.manifest.neighbourhood import Neighbourhood

_LOG = logging.getLogger("govapp.registry")


class UnknownApp(Exception):
    """The registry knows no such app."""


Answer = Report | UnknownApp | RegistryUnavailable
"""A report, or why there is none."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A report, and how fresh what it saw was: seconds of lag of the index, None when the registry itself was asked."""

    report: Report
    lag_s: float | None


@dataclass(frozen=True, slots=True)
class Checks:
    """Judges apps against `law`, asking `registry` for their neighbourhoods; without one they stay unanswered.

    `following` has registered apps at hand, and spares the question.
    """

    registry: RegistryClient | None = None
    law: Law = LAW
    following: Following | None = None

    async def check(self, manifest: Manifest, on: date) -> Report:
        """Judge a manifest on a day. A registry that gives no answer leaves what needs it undetermined."""
        return report(manifest, await self._neighbourhood(manifest), self.law, on)

    async def check_registered(self, app: str, on: date) -> Report:
        """Judge a registered app by its id on a day.

        Raises:
            UnknownApp: the registry knows no such app, or it was withdrawn.
            RegistryUnavailable: the registry, which holds the manifest, gives no answer.

        """
        if self.registry is None:
            raise RegistryUnavailable("none is configured")
        manifest = await self.registry.manifest(app)
        if manifest is None:
            raise UnknownApp(app)
        return await self.check(manifest, on)

    async def check_fresh(self, app: str, on: date, max_lag_s: float | None) -> Fresh:
        """Judge a registered app by its id on a day: from the index if it lags no more than some seconds.

        Args:
            app: its id.
            on: the day.
            max_lag_s: the lag that will do, in seconds; 0 for the registry itself, None for what is set.

        Raises:
            UnknownApp: the registry knows no such app, or it was withdrawn.
            RegistryUnavailable: the registry, which had to be asked, gives no answer.

        """
        if self.following is not None and max_lag_s != 0:
            known = self.following.find(app, self.following.max_lag_s if max_lag_s is None else max_lag_s)
            if known is not None:
                return Fresh(report(known.manifest, known.neighbourhood, self.law, on), known.lag_s)
        return Fresh(await self.check_registered(app, on), None)

    async def check_all(self, asked: Iterable[Manifest | str], on: date) -> list[Answer]:
        """Judge manifests and registered apps (by id) on a day: an answer each, in their order."""
        return await asyncio.gather(*(self._check_one(each, on) for each in asked))

    async def _check_one(self, asked: Manifest | str, on: date) -> Answer:
        try:
            if isinstance(asked, str):
                return (await self.check_fresh(asked, on, None)).report
            return await self.check(asked, on)
        except (UnknownApp, RegistryUnavailable) as reason:
            return reason

    async def _neighbourhood(self, manifest: Manifest) -> Neighbourhood | None:
        if self.registry is None:
            return None
        try:
            return await self.registry.neighbourhood(manifest)
        except RegistryUnavailable as reason:
            _LOG.warning("registry.unavailable", extra={"fields": {"reason": str(reason)}})
            return None
