"""HTML: one page that needs nothing beside it, for a browser and for paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.formats import outline, pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.formats.checked import Checked
    from services.text import Lang


def render(checked: Sequence[Checked], *, lang: Lang, version: str) -> bytes:
    """Give what a check found in some sources as one page; several begin with a table of them all."""
    outlines = [outline.outline(each, lang) for each in checked]
    return pages.filled("report.html", lang, outlines=outlines, totals=outline.totals(outlines, lang), version=version)
