"""Putting texts together for a reader: sentences, paragraphs, terms."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.manifest.quoting import shown
from services.text import Text

if TYPE_CHECKING:
    from services.manifest.terms import Term
    from services.text import Lang

_LONGEST = 10_000
_END = re.compile(r"[。！？.!?]$")
_BETWEEN_WIDE = re.compile(r"(?<=[\u2e80-\uffef])\n(?!\n)|(?<!\n)\n(?=[\u2e80-\uffef])")
_WRAPPED = re.compile(r"(?<!\n)\n(?!\n)")


def word(term: Term) -> Text:
    """Give the name of a term in both languages."""
    return Text(term.zh, term.en)


def line(text: str) -> str:
    """Give a text on one line and without power over a terminal, whoever wrote its parts."""
    return shown(text, _LONGEST)


def sentence(text: Text, lang: Lang) -> str:
    """Give a fact, remedy or reason as a sentence: on one line, with a full stop, in English with a capital."""
    said = line(text.in_(lang))
    if lang == "en":
        said = said[:1].upper() + said[1:]
    return said if _END.search(said) else said + ("。" if lang == "zh" else ".")


def flowing(text: str) -> str:
    """Undo the line breaks inside paragraphs; between Chinese characters nothing takes their place."""
    return _WRAPPED.sub(" ", _BETWEEN_WIDE.sub("", text))
