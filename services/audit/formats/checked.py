"""What a check gives for one source: a report, or the problems that keep the source from being read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.audit.law import Report
    from services.manifest.nodes import Positions
    from services.manifest.problems import Problem


@dataclass(frozen=True, slots=True)
class Judged:
    """A report on a source (a path, or `-` for standard input), and where its values stand."""

    source: str
    report: Report
    positions: Positions


@dataclass(frozen=True, slots=True)
class Refused:
    """A source that is no manifest, and why."""

    source: str
    problems: tuple[Problem, ...]


Checked = Judged | Refused
