"""The formats by name: what each is, what it needs, and one door to all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from services.audit.formats.checked import Checked
    from services.text import Lang

FormatName = Literal["text", "json", "sarif", "junit", "gitlab", "markdown", "html", "xlsx", "oscal"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format that reports are written in.

    Args:
        media_type: media type, with its character set where it is text.
        suffix: how names of its files end.
        extra: the extra that must be installed to write it; None: none.
    """

    media_type: str
    suffix: str
    extra: str | None = None


FORMATS: dict[FormatName, Format] = {
    "text": Format("text/plain; charset=utf-8", ".txt"),
    "json": Format("application/json", ".json"),
    "sarif": Format("application/sarif+json", ".sarif"),
    "junit": Format("application/xml", ".junit.xml"),
    "gitlab": Format("application/json", ".gitlab.json"),
    "markdown": Format("text/markdown; charset=utf-8", ".md"),
    "html": Format("text/html; charset=utf-8", ".html", "reports"),
    "xlsx": Format("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx", "reports"),
    "oscal": Format("application/json", ".oscal.json"),
}


def render(checked: Sequence[Checked], format: FormatName, *, lang: Lang, version: str, on: date) -> bytes:
    """Write what a check found in some sources, in their order.

    Args:
        checked: what was found in each.
        format: the format.
        lang: the language of texts; JSON has both.
        version: version of the program.
        on: the day judged, which dates documents that have a date.

    Raises:
        ModuleNotFoundError: the format needs an extra that is not installed.

    """
    # Each format is loaded when it is written: a check in a terminal needs none of the others.
    match format:
        case "text":
            from services.audit.formats import text

            return text.render(checked, lang=lang).encode("utf-8", "surrogateescape")
        case "json":
            from services.audit.formats import json
            from services.audit.formats.checked import Refused

            return b"".join(
                json.render_refused(each) if isinstance(each, Refused) else json.render(each.report) for each in checked
            )
        case "sarif":
            from services.audit.formats import sarif

            return sarif.render(checked, lang=lang, version=version)
        case "junit":
            from services.audit.formats import junit

            return junit.render(checked, lang=lang)
        case "gitlab":
            from services.audit.formats import gitlab

            return gitlab.render(checked, lang=lang)
        case "markdown":
            from services.audit.formats import markdown

            return markdown.render(checked, lang=lang).encode("utf-8", "surrogateescape")
        case "html":
            from services.audit.formats import html

            return html.render(checked, lang=lang, version=version)
        case "xlsx":
            from services.audit.formats import workbook

            return workbook.render(checked, lang=lang, on=on)
        case "oscal":
            from services.audit.formats import oscal

            return oscal.render(checked, lang=lang, version=version, on=on)
