"""Which words of the lexicon a text says in earnest: neither inside a harmless phrase, nor denied.

A text is read folded: width and compatibility forms are made usual, and what can be slipped between two characters
(white space, invisible and combining marks, dots, dashes) is left out. Reading takes time in proportion to its length.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from services.audit.regulation.lexicon import (
    ABUSES,
    AFTERWARDS,
    BETWEEN,
    CONDITIONS,
    CONSEQUENCES,
    DENIALS,
    LEXICON,
    REVERSALS,
    SUPPOSITIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

GAP_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Mn", "Me"})
GAPS = frozenset("·•‧∙⋅・●○◆★☆*_~|^-‐‑‒–—―")
"""What may be slipped between the characters of a word without changing what a reader sees in it."""

REACH = 12
"""How many words a denial reaches over, and within how many characters a consequence counts."""


class _Folding(dict[int, str]):
    """What each character is read as, worked out when it is first met; keeps the commonest characters only."""

    _KEPT = 20_000

    def __missing__(self, code: int) -> str:
        usual = unicodedata.normalize("NFKC", chr(code))
        read = "".join(char for char in usual if char not in GAPS and unicodedata.category(char) not in GAP_CATEGORIES)
        if len(self) < self._KEPT:
            self[code] = read
        return read


_FOLDING = _Folding()


def _any_of(words: Iterable[str]) -> re.Pattern[str]:
    """Match the longest of some words."""
    return re.compile("|".join(map(re.escape, sorted(set(words), key=lambda word: (-len(word), word)))))


def _ending(words: Iterable[str]) -> re.Pattern[str]:
    """Match the longest of some words in a text that is read backwards."""
    return _any_of(word[::-1] for word in words)


_SAID = {label: _any_of((*entry.says, *entry.unless)) for label, entry in LEXICON.items()}
_ANY = _any_of(chain.from_iterable(entry.says for entry in LEXICON.values()))
_ALARMING = {label: frozenset(entry.says) for label, entry in LEXICON.items()}
_CONSEQUENCE = re.compile(rf"(?<![不无免])(?:{_any_of(CONSEQUENCES).pattern})")
_BEFORE_DENIED = _ending((*DENIALS, *CONDITIONS))
_BEFORE_REVERSED = _ending(REVERSALS)
_BEFORE_SUPPOSED = _ending((*REVERSALS, *SUPPOSITIONS))
_BETWEEN = _ending((*BETWEEN, *chain.from_iterable(entry.says for entry in LEXICON.values())))


def words(label: str, text: str) -> tuple[str, ...]:
    """Give the alarming words of a rule that a text says in earnest: each once, as they stand, in order."""
    said = _SAID.get(label)
    folded = _folded(text)
    if said is None or said.search(folded) is None:
        return ()
    found = list(_in_earnest(folded, said, _ALARMING[label]))
    if not found:
        return ()
    places = [i for i, char in enumerate(text) for _ in char.translate(_FOLDING)]
    quoted = (" ".join(text[places[start] : places[end - 1] + 1].split()) for start, end in found)
    return tuple(dict.fromkeys(quoted))


@lru_cache(maxsize=1024)
def labels(text: str) -> frozenset[str]:
    """Give the labels of the rules of which a word stands in a text, be it said in earnest or not."""
    folded = _folded(text)
    if _ANY.search(folded) is None:
        return frozenset()
    return frozenset(label for label, said in _SAID.items() if said.search(folded))


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    """Fold a text; kept, because every rule reads the same names and descriptions."""
    return text.translate(_FOLDING)


def _in_earnest(text: str, said: re.Pattern[str], alarming: frozenset[str]) -> Iterator[tuple[int, int]]:
    backwards = text[::-1]
    for match in said.finditer(text):
        start, end = match.span()
        if match.group() in alarming and not _is_denied(text, backwards, start, end):
            yield start, end


def _is_denied(text: str, backwards: str, start: int, end: int) -> bool:
    """Tell whether a word is denied: right after it, or before it, over other words of a list."""
    if text.startswith(AFTERWARDS, end):
        return True
    if text.startswith(ABUSES, end):
        return False
    at = len(text) - start
    for _ in range(REACH):
        if denial := _BEFORE_DENIED.match(backwards, at):
            if denial.group()[::-1] not in CONDITIONS:
                return _BEFORE_REVERSED.match(backwards, denial.end()) is None
            return not (_BEFORE_SUPPOSED.match(backwards, denial.end()) or _has_consequence(text, end))
        between = _BETWEEN.match(backwards, at)
        if between is None:
            return False
        at = between.end()
    return False


def _has_consequence(text: str, end: int) -> bool:
    clause = re.split(r"[。;!?]", text[end : end + REACH], maxsplit=1)[0]
    return _CONSEQUENCE.search(clause) is not None
