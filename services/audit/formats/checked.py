"""What a check gives for one source: a report, or the problems that keep the source from being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.identity import steady

if TYPE_CHECKING:
    from services.audit.law import Report
    from services.manifest.model import Manifest
    from services.manifest.nodes import Positions
    from services.manifest.problems import Problem


@dataclass(frozen=True, slots=True)
class Judged:
    """A report on a source, and where its values stand.

    Args:
        source: a path, or `-` for standard input; the id of an app that was not read from a file.
        report: the report.
        positions: where the values of the manifest stand; None when it was not read from a file.
        manifest: the manifest judged, by which places are named that stay when positions move; None when it is not
            at hand.
        fresh, known: the report reduced to what is new, and to what a baseline knows; None without a baseline.
    """

    source: str
    report: Report
    positions: Positions | None = None
    manifest: Manifest | None = None
    fresh: Report | None = None
    known: Report | None = None

    def steady(self, pointer: str) -> str:
        """Name a place so that it stays when positions in lists move, as far as the manifest is at hand."""
        return pointer if self.manifest is None else steady(self.manifest, pointer)


@dataclass(frozen=True, slots=True)
class Refused:
    """A source that is no manifest, and why."""

    source: str
    problems: tuple[Problem, ...]


Checked = Judged | Refused
