"""Baselines: what is already known of existing apps, so that a check can tell what is new apart from it.

A baseline changes no verdict and no outcome: what is known is shown apart, and only what is new fails a check.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.audit.formats.checked import Judged
from services.audit.law import Finding, Lack, Verdict
from services.manifest.values import Day
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from services.audit.formats.checked import Checked
    from services.audit.law import Report, Ruling

VERSION: Literal["1"] = "1"


class Known(BaseModel):
    """One thing that is known: a violation, or something lacking, at one place of one app."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: str = Field(description="Id of the app; its source when it declares none.")
    rule: str | None = Field(description="Id of the rule; null where the app itself is in question.")
    kind: Literal["violation", "declaration", "registry", "person"]
    place: str = Field(description="The place, named so that it stays when positions in lists move.")


class Document(BaseModel):
    """A baseline as it is written: what was known on a day, under a version of the law."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    baseline: Literal["1"]
    on: Day
    law: str
    known: tuple[Known, ...]


class UnreadableBaseline(Exception):
    """A file is no baseline."""

    def __init__(self, pointer: str, reason: str) -> None:
        """Say where it is none, and why."""
        super().__init__(f"{pointer or '/'}: {reason}")
        self.text = Text(
            f"不是基线文件，位置 {pointer or '/'}（{reason}）；用 govapp baseline 重新生成",
            f"no baseline, at {pointer or '/'} ({reason}); write a new one with `govapp baseline`",
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known, and how often each thing is."""

    known: Counter[Known]

    def apart(self, checked: Iterable[Checked]) -> tuple[list[Checked], Counter[Known]]:
        """Tell what is known of some sources apart from what is new.

        Returns:
            The sources, and what the baseline knows of their apps that is not the case any more.
        """
        left = Counter(self.known)
        told = [self._apart(each, left) if isinstance(each, Judged) else each for each in checked]
        apps = {_app(each) for each in told if isinstance(each, Judged)}
        return told, Counter({each: count for each, count in left.items() if count > 0 and each.app in apps})

    def _apart(self, judged: Judged, left: Counter[Known]) -> Judged:
        """Take what is known out of a report, as often as it is known."""

        def is_known(ruling: Ruling | None, told: Finding | Lack) -> bool:
            each = _known(judged, ruling, told)
            left[each] -= 1
            return left[each] >= 0

        marks = {id(told): is_known(ruling, told) for ruling, told in _told(judged.report)}
        return replace(
            judged,
            fresh=_only(judged.report, {mark for mark, known in marks.items() if not known}),
            known=_only(judged.report, {mark for mark, known in marks.items() if known}),
        )


def read(content: bytes) -> Baseline:
    """Read a baseline.

    Raises:
        UnreadableBaseline: it is none.
    """
    try:
        document = Document.model_validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise UnreadableBaseline("".join(f"/{step}" for step in first["loc"]), first["msg"]) from error
    return Baseline(Counter(document.known))


def write(checked: Iterable[Checked], on: date, law: str) -> bytes:
    """Write down what is told of some sources on a day, as the baseline of later checks."""
    known = sorted(
        (
            _known(each, ruling, told)
            for each in checked
            if isinstance(each, Judged)
            for ruling, told in _told(each.report)
        ),
        key=lambda each: (each.app, each.rule or "", each.kind, each.place),
    )
    document = Document(baseline=VERSION, on=on, law=law, known=tuple(known))
    return orjson.dumps(document.model_dump(mode="json"), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _told(report: Report) -> Iterator[tuple[Ruling | None, Finding | Lack]]:
    yield from ((None, lack) for lack in report.lacks)
    for ruling in report.rulings:
        yield from ((ruling, finding) for finding in ruling.findings)
        yield from ((ruling, lack) for lack in ruling.lacks)


def _known(judged: Judged, ruling: Ruling | None, told: Finding | Lack) -> Known:
    kind = told.kind.value if isinstance(told, Lack) else Verdict.VIOLATION.value
    return Known(
        app=_app(judged),
        rule=None if ruling is None else ruling.rule,
        kind=kind,  # type: ignore[arg-type] # the values of LackKind are those of the literal; a test holds them together
        place=judged.steady(told.place),
    )


def _app(judged: Judged) -> str:
    return judged.report.app or judged.source


def _only(report: Report, marks: set[int]) -> Report:
    """Give a report with only some of the things it tells; its outcome and counts stay those of the whole."""
    return replace(
        report,
        lacks=tuple(each for each in report.lacks if id(each) in marks),
        rulings=tuple(
            replace(
                ruling,
                findings=tuple(each for each in ruling.findings if id(each) in marks),
                lacks=tuple(each for each in ruling.lacks if id(each) in marks),
            )
            for ruling in report.rulings
        ),
    )
