"""Reading a manifest from YAML or JSON: the manifest and the place of every value, or everything that is wrong at once.

Both formats go through one validation, so that the same manifest is the same in either.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from pydantic import ValidationError

from services.manifest import json_nodes, yaml_nodes
from services.manifest.model import Manifest
from services.manifest.nodes import Fault, Lines, Position, Positions, Scalar, Tree
from services.manifest.problems import Problem, Unreadable, unreadable, validate
from services.text import Text

__all__ = ["MAX_BYTES", "Media", "Position", "Positions", "Problem", "Reading", "Unreadable", "read"]

Media = Literal["yaml", "json"]

MAX_BYTES = 256 * 1024
"""A larger document is not read at all; a manifest with a hundred features and asks has a fifth of it."""

_EMPTY = (
    Text("文件是空的", "there is nothing in it"),
    Text("用 govapp init 写一份模板", "write a template with govapp init"),
)
_HIDDEN = (
    Text("含有控制字符", "a control character"),
    Text("去掉它；可能不是文本文件", "take it away; this may be no text file"),
)
# What YAML does not let stand in a text at all, even inside quotation marks.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Reading:
    """A manifest as it was read.

    Args:
        manifest: what is declared.
        positions: where the values stand in the text, by JSON pointer.
        source: the name of what was read, as given.
    """

    manifest: Manifest
    positions: Positions
    source: str | None = None


def read(data: bytes, *, media: Media, source: str | None = None) -> Reading:
    """Read a manifest.

    Args:
        data: the document in UTF-8, with or without a byte order mark.
        media: whether it is YAML or JSON.
        source: its name, to be told again with the result.

    Raises:
        Unreadable: the document is no manifest; everything that is wrong with it.
    """
    text = _text(data, source)
    lines = Lines(text)
    if media == "json":
        manifest = valid_json(data.removeprefix(b"\xef\xbb\xbf"))
        if manifest is not None:
            return Reading(manifest, Positions(lines, lambda: json_nodes.compose(text).root), source)
    tree = json_nodes.compose(text) if media == "json" else _yaml(text)
    if not tree.faults and (tree.root is None or _says_nothing(tree)):
        raise unreadable(0, _EMPTY, lines, source)
    return Reading(validate(tree, lines, source), Positions(lines, lambda: tree.root), source)


def _text(data: bytes, source: str | None) -> str:
    if len(data) > MAX_BYTES:
        said = (
            Text(f"超过 {MAX_BYTES // 1024} KiB", f"more than {MAX_BYTES // 1024} KiB"),
            Text("清单只写声明，不附文件或数据", "a manifest holds declarations, no files or data"),
        )
        raise unreadable(0, said, Lines(""), source)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        said = (
            Text(
                f"不是 UTF-8：第 {error.start + 1} 个字节不合编码",
                f"not UTF-8: byte {error.start + 1} breaks the encoding",
            ),
            Text("在编辑器中另存为 UTF-8；常见的原因是 GBK 编码", "save it as UTF-8 in an editor; often it is GBK"),
        )
        raise unreadable(len(before), said, Lines(before), source) from None
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise unreadable(0, _EMPTY, Lines(text), source)
    return text


def _yaml(text: str) -> Tree:
    if hidden := tuple(Fault(match.start(), (), *_HIDDEN) for match in _UNPRINTABLE.finditer(text)):
        return Tree(None, hidden)
    return yaml_nodes.compose(text)


def _says_nothing(tree: Tree) -> bool:
    return isinstance(tree.root, Scalar) and tree.root.value is None and not tree.root.written


class _TwiceNamed(Exception):
    """A map of a JSON text has two fields with one name."""


def _check_names(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _TwiceNamed


_NAMES = json.JSONDecoder(object_pairs_hook=_check_names)


def valid_json(data: bytes) -> Manifest | None:
    """Give the manifest of a JSON document in which everything is right; None for one that `read` has to look at."""
    if len(data) > MAX_BYTES:
        return None
    try:
        manifest = Manifest.model_validate_json(data)
        # Validation takes the last of two fields with one name. It has also made sure that the nesting is shallow.
        if not _is_shortest(data):
            _NAMES.decode(data.decode())
    except (ValidationError, _TwiceNamed):
        return None
    return manifest


def _is_shortest(data: bytes) -> bool:
    """Tell whether a text is what a writer without white space writes of it, who would write no field twice."""
    try:
        return orjson.dumps(orjson.loads(data)) == data
    except orjson.JSONDecodeError:
        return False
