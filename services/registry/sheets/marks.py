"""What cells say besides their values: that there is one, that there is none, and that a text stands as it is."""

from __future__ import annotations

import re

from services.registry.sheets.layout import folded, names
from services.text import Text

YES, NO = Text("是", "yes"), Text("否", "no")
GIVEN, NONE = Text("有", "given"), Text("无", "none")
COUNTRY = Text("全国", "nationwide")
NONES = frozenset(map(folded, names(NONE)))

VERBATIM = "'"
"""Begins a text that stands as it is; in a list each of its lines is one value."""

RISKY = frozenset("'=+-@\t\r\n＝＋－＠")
"""First characters that begin a formula in one spreadsheet or another, and the apostrophe itself."""

SEPARATORS = re.compile(r"[、；;，,\r\n]+")
"""What stands between the values of a list."""

SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+[0-9]+")
"""What a spreadsheet makes of a long number."""

SAYS_SOMETHING = re.compile(r"[^\W_]")
"""Finds a letter, a digit or a character of a script."""
