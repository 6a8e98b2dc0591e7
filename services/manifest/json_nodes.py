"""Reading JSON (RFC 8259) with the place of every value, and saying in two languages where it is none.

Library readers are faster, but keep no places, take the last of two fields with one name, and stop at the first
mistake. So they read what is right, and this reads what is wrong.
"""

from __future__ import annotations

import re
from json import JSONDecodeError
from json.decoder import scanstring  # type: ignore[attr-defined] # the standard library's own scanner of strings

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

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![^\s,:\[\]{}\"])")
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_LITERALS = {"true": True, "false": False, "null": None}
_NO_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})

# What the scanner of strings says, by the beginning of its message.
_STRINGS: dict[str, faults.Said] = {
    "Unterminated string": (
        Text("文本没有结束的引号", "the text has no closing quotation mark"),
        Text("补上结束的双引号", "close it with a double quotation mark"),
    ),
    "Invalid control character": (
        Text(
            "引号内有换行、制表符或其他控制字符", "a line break, tab or other control character inside quotation marks"
        ),
        Text(r"写成 \n、\t，或去掉", r"write \n or \t, or leave it out"),
    ),
    "Invalid \\": (
        Text("反斜杠后不是可用的转义", "what follows the backslash is no escape"),
        Text(r"反斜杠本身写成 \\；字符写成 \uXXXX", r"write \\ for a backslash, \uXXXX for a character"),
    ),
}
_MISSING_VALUE = (
    Text("此处缺少一个值", "a value is missing here"),
    Text("补上值；不声明的字段整个去掉，或写 null", "give a value; leave out what is not declared, or write null"),
)
_TRAILING_COMMA = (
    Text("最后一项之后多了逗号", "a comma after the last item"),
    Text("去掉这个逗号", "take the comma away"),
)
_NO_NAME = (
    Text("此处应为双引号中的字段名", "a field name in double quotation marks is expected here"),
    Text('写成 "字段": 值', 'write "field": value'),
)
_MORE = (
    Text("清单结束之后还有内容", "there is more after the end of the manifest"),
    Text("每个文件只写一份清单；检查括号是否多余", "one manifest per file; check for a bracket too many"),
)


def compose(text: str) -> Tree:
    """Read a JSON text; its faults are told up to the first after which nothing can be understood."""
    reader = _Reader(text)
    try:
        root = reader.read()
    except BrokenText as broken:
        return Tree(None, (*reader.faults, broken.fault))
    return Tree(root, tuple(reader.faults))


class _Reader:
    """Reads without recursion, so that no depth of nesting can exhaust the stack."""

    def __init__(self, text: str) -> None:
        self.faults: list[Fault] = []
        self._text = text
        self._lines = Lines(text)
        self._at = 0
        self._open: list[Mapping | Listing] = []
        self._path: list[
            str | int | None
        ] = []  # for each open map or list, the step to what is read; None at its start

    def read(self) -> Node:
        root = self._value()
        while self._open:
            holder = self._open[-1]
            if isinstance(holder, Mapping):
                self._go_on_map(holder)
            else:
                self._go_on_list(holder)
        if self._next():
            raise self._broken(*_MORE)
        return root

    def _go_on_map(self, holder: Mapping) -> None:
        if self._closes("}", is_empty=not holder.entries):
            return
        name_at = self._at
        if self._next() != '"':
            raise self._broken(*_NO_NAME)
        name = self._string()
        self._path[-1] = name
        self._check_length(len(holder.entries))
        if self._next() != ":":
            raise self._broken(*_missing(":", "字段名之后", "after a field name"))
        self._at += 1
        node = self._value()
        first = holder.entries.setdefault(name, Entry(name_at, node))
        if first.at != name_at:
            self._add(name_at, faults.duplicate(name, self._lines.position(first.at)), hides=False)

    def _go_on_list(self, holder: Listing) -> None:
        if self._closes("]", is_empty=not holder.items):
            return
        self._path[-1] = len(holder.items)
        self._check_length(len(holder.items))
        holder.items.append(self._value())

    def _closes(self, end: str, *, is_empty: bool) -> bool:
        """Step over what separates two items, or over the end; tell whether it was the end."""
        following = self._next()
        if following == end:
            self._at += 1
            self._open.pop()
            self._path.pop()
            return True
        if is_empty:
            return False
        if following != ",":
            raise self._broken(*_missing(f", {end}", "此处", "here"))
        comma_at = self._at
        self._at += 1
        if self._next() == end:
            self._at = comma_at
            raise self._broken(*_TRAILING_COMMA)
        return False

    def _value(self) -> Node:
        following = self._next()
        at = self._at
        if following == '"':
            return Scalar(at, self._string())
        if following in {"{", "["}:
            if len(self._open) == MAX_DEPTH:
                raise self._broken(*faults.too_deep())
            self._at += 1
            node = Mapping(at) if following == "{" else Listing(at)
            self._open.append(node)
            self._path.append(None)
            return node
        return self._plain_value()

    def _plain_value(self) -> Scalar:
        at = self._at
        if match := _NUMBER.match(self._text, at):
            self._at = match.end()
            value = faults.number(match[0])
            if value is None:
                self._add(at, faults.unusable_number(match[0]))
            return Scalar(at, value, match[0])
        word = _WORD.match(self._text, at)
        if word is None:
            raise self._broken(*_MISSING_VALUE)
        if word[0] in _NO_NUMBERS:
            self._add(at, faults.unusable_number(word[0]))
        elif word[0] not in _LITERALS:
            raise self._broken(*_unquoted(word[0]))
        self._at = word.end()
        return Scalar(at, _LITERALS.get(word[0]), word[0])

    def _string(self) -> str:
        at = self._at
        try:
            text: str
            text, self._at = scanstring(self._text, at + 1, True)  # noqa: FBT003 - strict, as its third argument says
        except JSONDecodeError as error:
            self._at = error.pos
            raise self._broken(*next(said for start, said in _STRINGS.items() if error.msg.startswith(start))) from None
        if faults.has_lone_surrogate(text):
            self._add(at, faults.half_a_character())
            return shown(text)
        return text

    def _check_length(self, length: int) -> None:
        if length == MAX_ITEMS:
            raise self._broken(*faults.too_many_items())

    def _next(self) -> str:
        """Skip white space; give the next character, or the empty text at the end."""
        match = _SPACE.match(self._text, self._at)
        self._at = self._at if match is None else match.end()
        return self._text[self._at : self._at + 1]

    def _add(self, at: int, said: faults.Said, *, hides: bool = True) -> None:
        self.faults.append(Fault(at, self._place(), *said, hides))
        if len(self.faults) == MAX_FAULTS:
            raise self._broken(*faults.more_faults())

    def _place(self) -> Path:
        return tuple(step for step in self._path if step is not None)

    def _broken(self, detail: Text, remedy: Text) -> BrokenText:
        return BrokenText(Fault(self._at, self._place(), detail, remedy))


def _missing(what: str, where_zh: str, where_en: str) -> faults.Said:
    choices = what.split()
    return (
        Text(f"{where_zh}缺少 {' 或 '.join(choices)}", f"{' or '.join(choices)} is missing {where_en}"),
        Text("补上它，或检查引号和括号", "add it, or check quotation marks and brackets"),
    )


def _unquoted(word: str) -> faults.Said:
    return (
        Text(f"“{shown(word)}”不是 JSON 的值", f"“{shown(word)}” is no value of JSON"),
        Text(
            "文本用双引号括起；只有 true、false、null 和数不加；不能有注释",
            "put text in double quotation marks; only true, false, null and numbers go without; there are no comments",
        ),
    )
