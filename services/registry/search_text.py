"""What an app is found by: the texts of its manifest, folded, and the words that both databases index.

A text is folded like names in ties: width, case and white space do not count. A word of a query is found in a text when
it is a part of it. So that two characters suffice, every two characters that stand side by side are indexed as one word
(a bigram), and the last character of every text by itself: a single character is then what some bigram begins with.

Beside the texts stand marks: exact facts that lists ask about, such as which items an app asks for. They begin with a
character that no text can hold, so no query ever meets them by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import add
from typing import TYPE_CHECKING

from services.manifest.model import Link
from services.manifest.ties import index_key, item_key, name_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.manifest.model import Ask, Holding, Manifest

MARK = "\x91"
"""Begins a mark: a control character (private use one), which lines and paragraphs of a manifest cannot hold."""

_BREAK = "\n"
"""Sets off texts, and marks: folded texts have no white space."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What an app is found by: its texts and its marks, one a line, and the words of both, set off by spaces.

    The words come in their order: what is a part of a text is a sequence of words that follow one another.
    """

    text: str
    marks: str
    words: str


def searched(manifest: Manifest) -> Searched:
    """Give what an app with this manifest is found by."""
    texts = list(filter(None, dict.fromkeys(name_key(text) for text in _texts(manifest) if text is not None)))
    marks = list(dict.fromkeys(_marks(manifest)))
    words: list[str] = []
    for text in texts:
        words += bigrams(text)
        words.append(text[-1])
    return Searched(_BREAK.join(texts), _BREAK.join(marks), " ".join(words + marks))


def asked(query: str) -> tuple[str, ...]:
    """Give the words of a query, folded; all of them are to occur."""
    return tuple(dict.fromkeys(folded for word in query.split() if (folded := name_key(word))))


def bigrams(word: str) -> list[str]:
    """Give every two characters that stand side by side, which are the indexed words of a text but the last."""
    return list(map(add, word, word[1:]))


def mark(name: str, value: str | None) -> str:
    """Give the mark that says of a manifest that it declares a value under a name; None: that it declares none."""
    return f"{MARK}{name}" if value is None else f"{MARK}{name}={index_key(value)}"


def _texts(manifest: Manifest) -> Iterator[str | None]:
    yield manifest.name
    if manifest.sponsor is not None:
        yield manifest.sponsor.name
        yield manifest.sponsor.root_organ
    for feature in manifest.features or ():
        yield feature.name
        yield feature.description
    for item in (*(manifest.asks or ()), *(manifest.holdings or ())):
        yield item.name
        yield item.code


def _marks(manifest: Manifest) -> Iterator[str]:
    yield mark("vendor", None if manifest.vendor is None else name_key(manifest.vendor))
    if manifest.features is None:
        yield mark("feature", None)
    for feature in manifest.features or ():
        if feature.kind is not None:
            yield mark("feature", feature.kind)
    yield from _item_marks("asks", manifest.asks)
    yield from _item_marks("holds", manifest.holdings)
    yield from _sharing_marks(manifest)


def _item_marks(name: str, items: Iterable[Ask | Holding] | None) -> Iterator[str]:
    if items is None:
        yield mark(name, None)
    for item in items or ():
        if (key := item_key(item)) is not None:
            yield mark(name, key)


def _sharing_marks(manifest: Manifest) -> Iterator[str]:
    items: tuple[Ask | Holding, ...] = (*(manifest.asks or ()), *(manifest.holdings or ()))
    for item in items:
        if item.shared is None:
            yield mark("shares", None)
        # A link that is only planned shares nothing yet.
        elif isinstance(item.shared, Link) and item.shared.to and (key := item_key(item)) is not None:
            yield mark("shares", key)
