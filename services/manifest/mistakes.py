"""What is wrong with a value of a manifest: a sentence in two languages for each way in which validation can fail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from services.manifest import divisions, expected
from services.manifest.nodes import Listing, Mapping, Scalar
from services.manifest.quoting import shown
from services.manifest.values import (
    APP_ID_PATTERN,
    DIVISION_PATTERN,
    KEY_PATTERN,
    LINE_PATTERN,
    PARAGRAPH_PATTERN,
)
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Mapping as Dictionary

    from services.manifest.faults import Said
    from services.manifest.nodes import Node, Path
    from services.manifest.terms import Term

_NEAR = 3
_FEW = 8
_WORDS_FOR_TRUE = frozenset({"yes", "y", "on", "1", "是", "有", "真"})
_WORDS_FOR_FALSE = frozenset({"no", "n", "off", "0", "否", "无", "没有", "假", "none"})

_IDS = (
    Text(
        "用小写字母、数字、点、横线和下划线，首尾为字母或数字",
        "use lower-case letters, digits, dots, hyphens and underscores, with a letter or digit first and last",
    ),
    Text(
        "用字母、数字、点、横线和下划线，首尾为字母或数字",
        "use letters, digits, dots, hyphens and underscores, with a letter or digit first and last",
    ),
)
_HIDDEN = Text("含有控制字符或改变文字方向的符号", "holds control characters, or marks that turn the direction of text")
_PATTERNS: dict[str, Said] = {
    APP_ID_PATTERN: (Text("标识不能这样写", "an id cannot be written so"), _IDS[0]),
    KEY_PATTERN: (Text("编码或标识不能这样写", "a key cannot be written so"), _IDS[1]),
    LINE_PATTERN: (
        Text(f"{_HIDDEN.zh}，或不止一行", f"{_HIDDEN.en}, or more than one line"),
        Text("写成一行可见的文字", "write one line of visible text"),
    ),
    PARAGRAPH_PATTERN: (_HIDDEN, Text("只写可见的文字", "write visible text only")),
    DIVISION_PATTERN: (
        Text("行政区划代码应为 2、4、6、9 或 12 位数字", "a division code has 2, 4, 6, 9 or 12 digits"),
        Text(
            '查对代码，写在引号里；全国写空串 ""', 'check the code and quote it; the whole country is the empty text ""'
        ),
    ),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way in which a value fails: where, what is written there (None: nothing), and what validation adds to it."""

    path: Path
    node: Node | None
    context: Dictionary[str, Any]

    @property
    def place(self) -> expected.Expected | None:
        """What the place takes; None when no manifest has one there."""
        return expected.at(self.path)

    @property
    def text(self) -> str:
        """What is written, when it is a text; else the empty text."""
        return self.node.value if isinstance(self.node, Scalar) and isinstance(self.node.value, str) else ""


def explain(kind: str, mistake: Mistake) -> Said:
    """Give the fact and the remedy of a mistake of a kind, as pydantic and the types of `values` name them."""
    say = _SAY.get(kind, _other)
    return say(mistake)


def _found(node: Node | None) -> Text:
    match node:
        case Mapping():
            return Text("一组字段", "a group of fields")
        case Listing():
            return Text("列表", "a list")
        case Scalar(value=str(text)):
            return Text(f"文本“{shown(text)}”", f"the text “{shown(text)}”")
        case Scalar(written=str(written)) if written:
            return Text(f"不带引号的 {shown(written)}", f"{shown(written)} without quotation marks")
        case _:
            return Text("空值", "nothing")


def _title(mistake: Mistake) -> Text:
    return mistake.place.title if mistake.place is not None else Text("此处", "this")


def _wrong(mistake: Mistake, zh: str, en: str) -> Text:
    """Say what a place takes and what stands there."""
    title, found = _title(mistake), _found(mistake.node)
    return Text(f"“{title.zh}”应为{zh}，这里是{found.zh}", f"“{title.en}” takes {en}; this is {found.en}")


def _or_none(mistake: Mistake) -> Text:
    place = mistake.place
    if place is None or not place.has_none:
        return Text("", "")
    return Text("；声明没有的写 none", "; to declare that there is none, write none")


def _missing(mistake: Mistake) -> Said:
    title = _title(mistake)
    return (
        Text(f"缺少“{title.zh}”", f"“{title.en}” is missing"),
        Text('在开头写 manifest: "1"', 'begin with manifest: "1"'),
    )


def _version(mistake: Mistake) -> Said:
    return _wrong(mistake, '"1"（文本）', 'the text "1"'), Text('写成 manifest: "1"', 'write manifest: "1"')


# ---------------------------------------------------------------- fields that do not exist


def _unknown_field(mistake: Mistake) -> Said:
    name = str(mistake.path[-1])
    holder = expected.at(mistake.path[:-1])
    known = {} if holder is None or holder.part is None else expected.fields_of(holder.part)
    title = Text("清单", "a manifest") if holder is None else holder.title
    detail = Text(f"“{title.zh}”没有字段“{shown(name)}”", f"“{title.en}” has no field “{shown(name)}”")
    if near := _alike(name, known):
        return detail, Text(
            f"是否为 {'、'.join(f'{each}（{known[each].zh}）' for each in near)}？",
            f"did you mean {' or '.join(f'{each} ({known[each].en})' for each in near)}?",
        )
    if homes := expected.homes().get(name):
        return detail, Text(
            f"这个字段写在 {'、'.join(homes[:_NEAR])}", f"this field belongs at {', '.join(homes[:_NEAR])}"
        )
    return detail, Text(
        f"去掉它；此处的字段有 {'、'.join(known)}", f"leave it out; the fields here are {', '.join(known)}"
    )


def _alike(written: str, known: Dictionary[str, Text]) -> list[str]:
    """Give the words that a misspelt one may mean: spelt alike, or called so in Chinese or English."""
    if not written:
        return []
    folded = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+", "_", written[:64]).casefold()
    called = [each for each, title in known.items() if written in {title.zh, title.en}]
    begun = [each for each, title in known.items() if len(written) > 1 and title.zh.startswith(written)]
    spelt = get_close_matches(folded, list(known), _NEAR, 0.7)
    return list(dict.fromkeys([*called, *spelt, *begun]))[:_NEAR]


# ---------------------------------------------------------------- values of the wrong sort


def _no_map(mistake: Mistake) -> Said:
    place = mistake.place
    names = [] if place is None or place.part is None else list(expected.fields_of(place.part))
    few = names[:_FEW]
    more = Text(" 等", " …") if len(names) > len(few) else Text("", "")
    lack = _or_none(mistake)
    return _wrong(mistake, "一组字段", "a group of fields"), Text(
        f"写成“字段: 值”，字段有 {'、'.join(few)}{more.zh}{lack.zh}",
        f"write `field: value`; the fields are {', '.join(few)}{more.en}{lack.en}",
    )


def _no_list(mistake: Mistake) -> Said:
    lack = _or_none(mistake)
    value = shown(mistake.text) if mistake.text else "…"
    return _wrong(mistake, "列表", "a list"), Text(f"写成列表：[{value}]{lack.zh}", f"write a list: [{value}]{lack.en}")


def _no_text(mistake: Mistake) -> Said:
    lack = _or_none(mistake)
    if isinstance(mistake.node, Scalar) and mistake.node.written:
        quoted = f'"{shown(mistake.node.written)}"'
        remedy = Text(f"加引号：{quoted}{lack.zh}", f"put it in quotation marks: {quoted}{lack.en}")
    else:
        remedy = Text(f"改写为一个文本{lack.zh}", f"write one text{lack.en}")
    return _wrong(mistake, "文本", "text"), remedy


def _no_boolean(mistake: Mistake) -> Said:
    word = mistake.text.casefold()
    if isinstance(mistake.node, Scalar) and mistake.node.written:
        word = mistake.node.written
    meant = "true" if word in _WORDS_FOR_TRUE else "false" if word in _WORDS_FOR_FALSE else ""
    return _wrong(mistake, " true 或 false", "true or false"), Text(
        f"写成 {meant}，不加引号" if meant else "写 true 或 false，不加引号；未确定的整个去掉",
        f"write {meant}, without quotation marks"
        if meant
        else "write true or false, without quotation marks; leave the field out while it is not known",
    )


def _no_day(mistake: Mistake) -> Said:
    return _wrong(mistake, "日期", "a day"), Text(
        '写成年-月-日，例如 "2025-03-01"', 'write year, month and day, such as "2025-03-01"'
    )


def _impossible_day(mistake: Mistake) -> Said:
    day = shown(mistake.text)
    return Text(f"没有 {day} 这一天", f"there is no day {day}"), Text("查对年、月、日", "check year, month and day")


# ---------------------------------------------------------------- words outside a vocabulary


def _no_term(mistake: Mistake) -> Said:
    place = mistake.place
    terms: Iterable[Term] = () if place is None or place.terms is None else place.terms
    known = {term.value: Text(term.zh, term.en) for term in terms}
    title, found = _title(mistake), _found(mistake.node)
    detail = Text(f"{found.zh}不是“{title.zh}”可取的值", f"{found.en} is no value of “{title.en}”")
    lack = _or_none(mistake)
    near = _alike(mistake.text, known)
    guess = Text(
        f"是否为 {'、'.join(near)}？" if near else "",
        f"did you mean {' or '.join(near)}? " if near else "",
    )
    return detail, Text(
        f"{guess.zh}可取 {'、'.join(f'{each}（{name.zh}）' for each, name in known.items())}{lack.zh}",
        f"{guess.en}allowed are {', '.join(f'{each} ({name.en})' for each, name in known.items())}{lack.en}",
    )


# ---------------------------------------------------------------- lengths, patterns, codes


def _empty_text(mistake: Mistake) -> Said:
    title, lack = _title(mistake), _or_none(mistake)
    return Text(f"“{title.zh}”不能是空文本", f"“{title.en}” cannot be empty"), Text(
        f"写明内容；未确定的整个去掉{lack.zh}", f"say what it is; leave the field out while it is not known{lack.en}"
    )


def _long_text(mistake: Mistake) -> Said:
    title, most, length = _title(mistake), mistake.context["max_length"], len(mistake.text)
    return (
        Text(
            f"“{title.zh}”最多 {most} 个字符，这里有 {length} 个",
            f"“{title.en}” has at most {most} characters; this has {length}",
        ),
        Text("写短一些", "make it shorter"),
    )


def _empty_list(mistake: Mistake) -> Said:
    title, lack = _title(mistake), _or_none(mistake)
    return Text(f"“{title.zh}”不能是空列表", f"“{title.en}” cannot be an empty list"), Text(
        f"至少写一项；未确定的整个去掉{lack.zh}",
        f"give at least one; leave the field out while it is not known{lack.en}",
    )


def _long_list(mistake: Mistake) -> Said:
    title, most = _title(mistake), mistake.context["max_length"]
    return Text(f"“{title.zh}”最多 {most} 项", f"“{title.en}” has at most {most} items"), Text("减少项数", "give fewer")


def _no_match(mistake: Mistake) -> Said:
    return _PATTERNS.get(mistake.context["pattern"]) or _other(mistake)


def _unknown_division(mistake: Mistake) -> Said:
    code = str(mistake.context["code"])
    near = [f"{each} {divisions.full_name(each)}" for each in divisions.closest(divisions.normalise(code))]
    detail = Text(f"没有行政区划代码 {code}", f"there is no division code {code}")
    if not near:
        return detail, Text("查对代码", "check the code")
    return detail, Text(f"相近的有 {'、'.join(near)}", f"near it are {', '.join(near)}")


def _wrong_credit_code(mistake: Mistake) -> Said:
    return (
        Text(shown(mistake.context["zh"], 200), shown(mistake.context["en"], 200)),
        Text("照登记证书核对 18 位代码，写在引号里", "compare the 18 characters with the certificate, and quote them"),
    )


def _other(mistake: Mistake) -> Said:
    title, found = _title(mistake), _found(mistake.node)
    return (
        Text(f"“{title.zh}”不能是{found.zh}", f"“{title.en}” cannot be {found.en}"),
        Text("用 govapp schema 查看此处可以写什么", "see what may stand here with govapp schema"),
    )


_SAY: dict[str, Callable[[Mistake], Said]] = {
    "bool_type": _no_boolean,
    "credit_code": _wrong_credit_code,
    "date_type": _no_day,
    "day_form": _no_day,
    "day_unknown": _impossible_day,
    "enum": _no_term,
    "extra_forbidden": _unknown_field,
    "literal_error": _version,
    "missing": _missing,
    "model_type": _no_map,
    "string_pattern_mismatch": _no_match,
    "string_too_long": _long_text,
    "string_too_short": _empty_text,
    "string_type": _no_text,
    "too_long": _long_list,
    "too_short": _empty_list,
    "tuple_type": _no_list,
    "unknown_division": _unknown_division,
}
KINDS = frozenset(_SAY)
"""The kinds of mistakes that have a sentence of their own; a contradiction brings its own."""
