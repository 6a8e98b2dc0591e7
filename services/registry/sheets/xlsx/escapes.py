"""Texts as the XML of a workbook."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

CAREFUL = re.compile(r"[&<>\r\t\n\ufffe\uffff]|_x[0-9a-fA-F]{4}_|^\s|\s$")
"""Finds texts that cannot stand in XML as they are, or would lose their edges there."""

_UNWRITABLE = re.compile("[\r\ufffe\uffff]")
_LITERAL = re.compile(r"_(?=x[0-9a-fA-F]{4}_)")


def marked_up(text: str) -> str:
    """Give a text as XML; what XML cannot hold is written as workbooks do."""
    if not CAREFUL.search(text):
        return text
    text = _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", _LITERAL.sub("_x005F_", text))
    return escape(text)
