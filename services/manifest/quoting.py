"""Showing what somebody wrote inside a sentence: short, on one line, and without power over the terminal."""

from __future__ import annotations

LONGEST = 60
"""Characters shown of a longer text."""


def shown(written: str, longest: int = LONGEST) -> str:
    """Give a text on one line: what cannot be printed is escaped, what is long is cut."""
    cut = written[:longest]
    line = "".join(each if each.isprintable() else _escape(each) for each in cut)
    return f"{line}…" if len(written) > longest else line


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
