"""The notice of rectification (整改通知书): what a sponsor has to put right in its apps, and until when, on paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.formats import outline, pages
from services.audit.law import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.audit.formats.checked import Judged
    from services.text import Lang


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says beside the findings.

    Args:
        sponsor: whom it goes to.
        issuer: the authority that sends it.
        issued_on: its date.
        due_on: the last day for rectifying and reporting back.
        number: number of the document (发文字号); None leaves room for it.
        contact: where questions and the answer go; None leaves room for it.
    """

    sponsor: str
    issuer: str
    issued_on: date
    due_on: date
    number: str | None = None
    contact: str | None = None


def render(notice: Notice, apps: Sequence[Judged], *, lang: Lang, version: str) -> bytes:
    """Give the notice on some apps of one sponsor as a page to print.

    Apps without a violation are left out, for a notice orders something; what is undetermined in the others is asked.

    Raises:
        ValueError: no app has a violation, so that there is nothing to rectify.

    """
    outlines = [outline.outline(each, lang) for each in apps if each.report.counts[Verdict.VIOLATION.value]]
    if not outlines:
        raise ValueError(f"no app of {notice.sponsor} has a violation")
    return pages.filled(
        "notice.html", lang, notice=notice, outlines=outlines, version=version, violation=Verdict.VIOLATION
    )
