"""Reading YAML with the place of every value, and saying in two languages where it cannot be read.

The events of the parser are read as they come, so nothing is expanded or constructed. What a plain value means follows
the core schema of YAML 1.2, by which `no` is text and a day is text. Aliases, anchors, tags and further documents have
no use in a manifest and are refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)
from ruamel.yaml.scanner import Scanner, ScannerError

from services.manifest import faults
from services.manifest.nodes import (
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_ITEMS,
    BrokenText,
    Entry,
    Fault,
    Lines,
    Listing,
    Mapping,
    Node,
    Path,
    Scalar,
    Tree,
)
from services.manifest.quoting import shown
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ruamel.yaml.events import Event
    from ruamel.yaml.tokens import Token

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?(?:[0-9]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)")
_OTHER_BASE = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

_ALIAS = (
    Text("不接受别名（*）", "aliases (*) are not accepted"),
    Text("把所引用的内容写在此处", "write here what the alias stands for"),
)
_ANCHOR = (
    Text("不接受锚点（&）", "anchors (&) are not accepted"),
    Text("去掉锚点；以 & 开头的文本请加引号", "take the anchor away; put text that begins with & in quotation marks"),
)
_TAG = (
    Text("不接受标签（!）", "tags (!) are not accepted"),
    Text(
        "去掉标签，直接写值；文本可以加引号", "take the tag away and write the value; text may stand in quotation marks"
    ),
)
_SEVERAL = (
    Text("一个文件里有几份 YAML 文档", "several YAML documents in one file"),
    Text(
        "每个文件只写一份清单，去掉其余的和分隔线 ---", "one manifest per file: take the others and the line --- away"
    ),
)
_VERSION = (
    Text("只读 YAML 1.2", "only YAML 1.2 is read"),
    Text("去掉 %YAML 一行", "take the %YAML line away"),
)
_NO_NAME = (
    Text("字段名应为一个词", "a field name is a single word"),
    Text("写成“字段: 值”", "write `field: value`"),
)

# What the parser says, by a part of its message: the first that fits. The last fits always.
_TOO_DEEP = "too deep"
_SYNTAX: tuple[tuple[str, faults.Said], ...] = (
    (_TOO_DEEP, faults.too_deep()),
    (
        "character '\\t'",
        (
            Text("不能用制表符缩进", "tabs cannot indent"),
            Text("改用空格缩进", "indent with spaces"),
        ),
    ),
    (
        "that cannot start any token",
        (
            Text("值不能以这个字符开头", "a value cannot begin with this character"),
            Text("给文本加引号", "put the text in quotation marks"),
        ),
    ),
    (
        "mapping values are not allowed",
        (
            Text(
                "此处不应有冒号：一行里有两个“字段: 值”，或缩进不对",
                "a colon out of place: two fields on one line, or wrong indentation",
            ),
            Text("含冒号的文本加引号；检查缩进", "put text with a colon in quotation marks; check the indentation"),
        ),
    ),
    (
        "could not find expected ':'",
        (
            Text("这一行缺少冒号", "this line lacks a colon"),
            Text(
                "写成“字段: 值”；续行要比上一行多缩进", "write `field: value`; indent what goes on from the line above"
            ),
        ),
    ),
    (
        "unexpected end of stream",
        (
            Text("引号没有结束", "quotation marks are not closed"),
            Text("补上结束的引号", "close them"),
        ),
    ),
    (
        "document separator",
        (
            Text("引号没有结束", "quotation marks are not closed"),
            Text("补上结束的引号", "close them"),
        ),
    ),
    (
        "escape",
        (
            Text("反斜杠后不是可用的转义", "what follows the backslash is no escape"),
            Text(r"改用单引号，或写成 \\", r"use single quotation marks, or write \\"),
        ),
    ),
    (
        "expected <block end>",
        (
            Text(
                "缩进与上文不一致，或列表与字段混写", "indentation unlike the lines above, or list items among fields"
            ),
            Text("同级的行缩进要相同", "indent lines of one level alike"),
        ),
    ),
    (
        "expected ',' or",
        (
            Text("缺少逗号或右括号", "a comma or a closing bracket is missing"),
            Text("补上它，或检查引号和括号", "add it, or check quotation marks and brackets"),
        ),
    ),
    (
        "expected the node content",
        (
            Text("此处缺少一个值", "a value is missing here"),
            Text("补上值，或去掉多余的符号", "give a value, or take the sign away"),
        ),
    ),
    (
        "",
        (
            Text("此处不合 YAML 语法", "this is not YAML"),
            Text(
                "检查缩进、引号和括号；文本可以加引号", "check indentation, quotation marks and brackets; quote texts"
            ),
        ),
    ),
)


def compose(text: str) -> Tree:
    """Read a YAML text; its faults are told up to the first after which nothing can be understood."""
    reader = _Reader(text)
    try:
        root = reader.read()
    except BrokenText as broken:
        return Tree(None, (*reader.faults, broken.fault))
    return Tree(root, tuple(reader.faults))


class _ShallowScanner(Scanner):
    """Gives up on brackets in brackets at once; it would look ahead of the events in a time that grows as a square."""

    def fetch_flow_collection_start(self, token: type[Token], to_push: str) -> None:
        """Step into one bracket more."""
        if self.flow_level >= MAX_DEPTH:
            raise ScannerError(None, None, _TOO_DEEP, self.reader.get_mark())
        super().fetch_flow_collection_start(token, to_push)


class _Reader:
    """Follows the events without recursion, so that no depth of nesting can exhaust the stack."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        self._lines = Lines(text)
        self._root: Node | None = None
        self._open: list[Mapping | Listing] = []
        self._path: list[
            str | int | None
        ] = []  # for each open map or list, the step to what is read; None before a name
        self._name_at = 0

    def read(self) -> Node | None:
        """Give the top value; None when the text has none."""
        for event in self._events():
            if isinstance(event, NodeEvent):
                self._go_on(event)
            elif isinstance(event, (MappingEndEvent, SequenceEndEvent)):
                self._open.pop()
                self._path.pop()
                self._end_value()
            elif isinstance(event, DocumentStartEvent):
                self._check_document(event)
        return self._root

    def _events(self) -> Iterator[Event]:
        try:
            parser = YAML(typ="safe", pure=True)
            parser.Scanner = _ShallowScanner
            yield from parser.parse(self._text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = next(said for part, said in _SYNTAX if part in (error.problem or ""))
            raise self._broken(0 if mark is None else mark.index, said) from None
        except Exception as error:
            # The parser stumbles over some escapes in ways of its own; whatever it raises, the text is at fault.
            raise self._broken(self._name_at, _SYNTAX[-1][1]) from error

    def _check_document(self, event: DocumentStartEvent) -> None:
        at = event.start_mark.index
        if self._root is not None:
            raise self._broken(at, _SEVERAL)
        if event.version not in {None, (1, 2)}:
            self._add(at, _VERSION, hides=False)

    def _go_on(self, event: NodeEvent) -> None:
        at = event.start_mark.index
        holder = self._open[-1] if self._open else None
        if isinstance(holder, Mapping) and self._path[-1] is None:
            self._name(holder, event, at)
            return
        if isinstance(holder, Listing):
            self._path[-1] = len(holder.items)
        if holder is not None and len(holder.entries if isinstance(holder, Mapping) else holder.items) == MAX_ITEMS:
            raise self._broken(at, faults.too_many_items())
        self._check_node(event, at)
        if isinstance(holder, Mapping) and isinstance(event, ScalarEvent) and not event.value and event.style is None:
            # Where nothing is written the parser points at what follows; a reader looks for the name of the field.
            at = self._name_at
        node = self._node(event, at)
        if isinstance(holder, Mapping):
            holder.entries.setdefault(str(self._path[-1]), Entry(self._name_at, node))
        elif isinstance(holder, Listing):
            holder.items.append(node)
        else:
            self._root = node
        if isinstance(node, Scalar):
            self._end_value()
        else:
            self._open.append(node)
            self._path.append(None)

    def _end_value(self) -> None:
        if self._open and isinstance(self._open[-1], Mapping):
            self._path[-1] = None

    def _name(self, holder: Mapping, event: NodeEvent, at: int) -> None:
        self._check_node(event, at)
        if isinstance(event, ScalarEvent):
            name = self._text_of(event, at)
        elif isinstance(event, AliasEvent):
            name = f"*{event.anchor}"
        else:
            raise self._broken(at, _NO_NAME)
        self._name_at = at
        self._path[-1] = name
        if name in holder.entries:
            self._add(at, faults.duplicate(name, self._lines.position(holder.entries[name].at)), hides=False)

    def _node(self, event: NodeEvent, at: int) -> Node:
        if isinstance(event, ScalarEvent):
            return self._scalar(event, at)
        if isinstance(event, AliasEvent):
            return Scalar(at, None)
        if len(self._open) == MAX_DEPTH:
            raise self._broken(at, faults.too_deep())
        return Mapping(at) if isinstance(event, MappingStartEvent) else Listing(at)

    def _check_node(self, event: NodeEvent, at: int) -> None:
        if isinstance(event, AliasEvent):
            self._add(at, _ALIAS)
        elif event.anchor is not None:
            self._add(at, _ANCHOR, hides=False)
        if isinstance(event, (ScalarEvent, CollectionStartEvent)) and event.ctag is not None:
            self._add(at, _TAG)

    def _scalar(self, event: ScalarEvent, at: int) -> Scalar:
        if event.style is not None or event.ctag is not None:
            return Scalar(at, self._text_of(event, at))
        written: str = event.value
        if written in _NULLS:
            return Scalar(at, None, written)
        if written in _BOOLEANS:
            return Scalar(at, _BOOLEANS[written], written)
        if _DECIMAL.fullmatch(written):
            value = faults.number(written)
        elif _OTHER_BASE.fullmatch(written):
            value = faults.number(str(int(written[2:64], 8 if written[1] == "o" else 16)))
        elif _NO_NUMBER.fullmatch(written):
            value = None
        else:
            return Scalar(at, self._text_of(event, at))
        if value is None:
            self._add(at, faults.unusable_number(written))
        return Scalar(at, value, written)

    def _text_of(self, event: ScalarEvent, at: int) -> str:
        text: str = event.value
        if not faults.has_lone_surrogate(text):
            return text
        # JSON is written in YAML too, and there a character beyond U+FFFF may be a pair of escapes.
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._add(at, faults.half_a_character())
            return shown(text)

    def _add(self, at: int, said: faults.Said, *, hides: bool = True) -> None:
        self.faults.append(Fault(at, self._place(), *said, hides))
        if len(self.faults) == MAX_FAULTS:
            raise self._broken(at, faults.more_faults())

    def _place(self) -> Path:
        return tuple(step for step in self._path if step is not None)

    def _broken(self, at: int, said: faults.Said) -> BrokenText:
        return BrokenText(Fault(at, self._place(), *said))
