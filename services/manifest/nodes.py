"""A document as it is written: values with their places in the text, before anybody asks what they mean."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.text import Text

Path = tuple[str | int, ...]
"""The steps from the top of a document to a place: field names and positions in lists."""

MAX_DEPTH = 32
"""How deep maps and lists may lie in each other; the manifest needs five."""

MAX_ITEMS = 1000
"""How many items a list and how many fields a map may have; no list of a manifest takes more."""

MAX_PROBLEMS = 100
"""How many problems are told of one document; the last of them then says that there are more."""

MAX_FAULTS = MAX_PROBLEMS - 1
"""After so many faults a text is not read to its end: it is no manifest, and the reader has enough to do."""


@dataclass(slots=True)
class Scalar:
    """A single value: `written` is its text where the format gave it a meaning (a number, `true`), None for texts."""

    at: int
    value: str | float | bool | None
    written: str | None = None


@dataclass(slots=True)
class Listing:
    """A list."""

    at: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One field of a map: where its name stands, and its value."""

    at: int
    node: Node


@dataclass(slots=True)
class Mapping:
    """A map with its fields by name, as first written."""

    at: int
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Listing | Mapping


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the text itself: the offset and the path of the place, what it is, and the remedy.

    `hides` says that the value at the place cannot be known for it, so that nothing else is to be said of that value.
    """

    at: int
    path: Path
    detail: Text
    remedy: Text
    hides: bool = True


@dataclass(frozen=True, slots=True)
class Tree:
    """What a text says: its top value (None when it cannot be told), and every fault on the way there."""

    root: Node | None
    faults: tuple[Fault, ...] = ()


class BrokenText(Exception):
    """Raised inside a reader of text where nothing after a fault can be understood."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.detail.en)
        self.fault = fault


class Position(NamedTuple):
    """A place in a text: line and column, both from 1; columns count characters."""

    line: int
    column: int


class Lines:
    """The lines of a text."""

    def __init__(self, text: str) -> None:
        """Take the text; its lines are sought when first needed."""
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self._text))]

    def position(self, at: int) -> Position:
        """Give line and column of an offset."""
        line = bisect_right(self._starts, at)
        return Position(line, at - self._starts[line - 1] + 1)


class Positions:
    """Where the values of a document stand in its text, by JSON pointer."""

    def __init__(self, lines: Lines, tree: Callable[[], Node | None]) -> None:
        """Take the lines of the text, and how to get its tree when somebody asks."""
        self._lines = lines
        self._tree = tree

    @cached_property
    def _root(self) -> Node | None:
        return self._tree()

    def of(self, pointer: str) -> Position:
        """Give the position of the value at a JSON pointer; of the nearest one above it when there is none."""
        return self._lines.position(offset(self._root, steps(pointer)))


def plain(node: Node) -> Any:  # noqa: ANN401 - any document
    """Give the value of a node without its places, as a JSON document."""
    match node:
        case Scalar():
            return node.value
        case Listing():
            return [plain(item) for item in node.items]
        case Mapping():
            return {name: plain(entry.node) for name, entry in node.entries.items()}


def find(root: Node | None, path: Sequence[str | int]) -> Node | None:
    """Give the node at a path; None when nothing is written there."""
    found, node = _walk(root, path)
    return node if found == len(path) else None


def offset(root: Node | None, path: Sequence[str | int], *, name: bool = False) -> int:
    """Give the offset of the value at a path, or of the nearest one above it; with `name` that of the field's name."""
    if name and path and isinstance(holder := find(root, path[:-1]), Mapping) and (entry := _entry(holder, path[-1])):
        return entry.at
    _, node = _walk(root, path)
    return 0 if node is None else node.at


def steps(pointer: str) -> Path:
    """Split a JSON pointer; a position in a list stays text, which `find` understands."""
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def pointer_of(path: Sequence[str | int]) -> str:
    """Write a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def _walk(root: Node | None, path: Sequence[str | int]) -> tuple[int, Node | None]:
    """Follow a path as far as there is something: how many steps, and the last node."""
    node = root
    for taken, step in enumerate(path):
        following = _child(node, step)
        if following is None:
            return taken, node
        node = following
    return len(path), node


def _child(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, Mapping):
        entry = _entry(node, step)
        return None if entry is None else entry.node
    if isinstance(node, Listing):
        position = str(step)
        if len(position) <= len(str(MAX_ITEMS)) and position.isascii() and position.isdecimal():
            return node.items[int(position)] if int(position) < len(node.items) else None
    return None


def _entry(node: Mapping, step: str | int) -> Entry | None:
    return node.entries.get(str(step))
