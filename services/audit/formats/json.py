"""JSON: the one serialisation of a report. The service answers with these bytes, and the command line writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from services.audit.formats.checked import Refused
    from services.audit.law import Report

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE


def render(report: Report) -> bytes:
    """Give a report as one line of JSON, with every text in both languages; the same report gives the same bytes."""
    return orjson.dumps(report, option=_OPTIONS)


def render_refused(refused: Refused) -> bytes:
    """Give the problems of a source as one line of JSON."""
    # The name of a file need not be text that UTF-8 can write.
    source = refused.source.encode("utf-8", "backslashreplace").decode("utf-8")
    return orjson.dumps({"source": source, "problems": refused.problems}, option=_OPTIONS)
