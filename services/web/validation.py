"""What pydantic finds wrong with a request, said as faults in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.text import Text
from services.web.problem_types import INVALID_BODY, INVALID_VALUE
from services.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Sentences by pydantic's error type; the braces are filled from the error's own context. An error that a service raises
# itself brings sentences of its own in its context (`zh`, `en`, `remedy_zh`, `remedy_en`). What has neither is said in
# pydantic's English words, with the field's place.
_SENTENCES: dict[str, Text] = {
    "missing": Text("缺少必填项。", "This is required."),
    "extra_forbidden": Text("没有这个字段。", "There is no such field."),
    "string_type": Text("应为文本。", "This must be text."),
    "string_too_short": Text("至少需要 {min_length} 个字符。", "This needs at least {min_length} characters."),
    "string_too_long": Text("最多 {max_length} 个字符。", "This may have at most {max_length} characters."),
    "string_pattern_mismatch": Text("不符合格式 {pattern}。", "This does not match the pattern {pattern}."),
    "too_short": Text("至少需要 {min_length} 项。", "This needs at least {min_length} items."),
    "too_long": Text("最多 {max_length} 项。", "This may have at most {max_length} items."),
    "enum": Text("应为下列之一：{expected}。", "This must be one of: {expected}."),
    "literal_error": Text("应为下列之一：{expected}。", "This must be one of: {expected}."),
    "int_type": Text("应为整数。", "This must be a whole number."),
    "int_parsing": Text("应为整数。", "This must be a whole number."),
    "int_from_float": Text("应为整数。", "This must be a whole number."),
    "int_parsing_size": Text("数值过大。", "This number is too large."),
    "float_type": Text("应为数字。", "This must be a number."),
    "float_parsing": Text("应为数字。", "This must be a number."),
    "finite_number": Text("应为有限的数字。", "This must be a finite number."),
    "greater_than": Text("应大于 {gt}。", "This must be greater than {gt}."),
    "greater_than_equal": Text("不得小于 {ge}。", "This must be at least {ge}."),
    "less_than": Text("应小于 {lt}。", "This must be less than {lt}."),
    "less_than_equal": Text("不得大于 {le}。", "This must be at most {le}."),
    "bool_type": Text("应为 true 或 false。", "This must be true or false."),
    "bool_parsing": Text("应为 true 或 false。", "This must be true or false."),
    "date_type": Text("应为日期。", "This must be a date."),
    "date_parsing": Text("应为 YYYY-MM-DD 形式的真实日期。", "This must be a real date written YYYY-MM-DD."),
    "date_from_datetime_parsing": Text(
        "应为 YYYY-MM-DD 形式的真实日期。", "This must be a real date written YYYY-MM-DD."
    ),
    "date_from_datetime_inexact": Text("应为不带时刻的日期。", "This must be a date without a time of day."),
    "datetime_type": Text("应为时刻。", "This must be an instant."),
    "datetime_parsing": Text("应为 RFC 3339 形式的时刻。", "This must be an instant as RFC 3339 writes it."),
    "datetime_from_date_parsing": Text("应为 RFC 3339 形式的时刻。", "This must be an instant as RFC 3339 writes it."),
    "timezone_aware": Text("时刻须带时区。", "The instant must say its time zone."),
    "list_type": Text("应为列表。", "This must be a list."),
    "tuple_type": Text("应为列表。", "This must be a list."),
    "set_type": Text("应为列表。", "This must be a list."),
    "dict_type": Text("应为对象。", "This must be an object."),
    "model_type": Text("应为对象。", "This must be an object."),
    "model_attributes_type": Text("应为对象。", "This must be an object."),
    "union_tag_invalid": Text(
        "{discriminator} 应为下列之一：{expected_tags}。", "{discriminator} must be one of: {expected_tags}."
    ),
    "union_tag_not_found": Text("缺少 {discriminator}。", "{discriminator} is required."),
    "json_invalid": Text("不是合法的 JSON：{error}。", "This is not JSON: {error}."),
}
_REMEDIES: dict[str, Text] = {
    "missing": Text("请补上这一项。", "Add it."),
    "extra_forbidden": Text("请删去，或核对字段名。", "Remove it, or check its name."),
}
_REMEDY = Text("请改正这一项；/docs 说明它怎样写。", "Correct it; /docs says how it is written.")
_PLACES = {"query": "?{}", "path": "{{{}}}", "header": "{}:", "cookie": "Cookie: {}"}


def invalid_request(errors: Sequence[Mapping[str, Any]]) -> Problem:
    """Give the problem that says everything wrong with a request: 400 for unreadable JSON, else 422.

    `errors` are pydantic's, each location beginning with `body`, `query`, `path`, `header` or `cookie`.
    """
    faults = [_fault(error) for error in _own(errors)]
    is_unreadable = any(error["type"] == "json_invalid" for error in errors)
    return Problem(INVALID_BODY if is_unreadable else INVALID_VALUE, errors=faults)


def faults_in_body(errors: Sequence[Mapping[str, Any]]) -> list[Fault]:
    """Give what `ValidationError.errors()` says of a body that was validated by hand."""
    return [_fault({**error, "loc": ("body", *error["loc"])}) for error in _own(errors)]


def json_pointer(steps: Sequence[str | int]) -> str:
    """Write steps from the top of a document as an RFC 6901 pointer; no steps give the empty pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def _own(errors: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Leave out that a list is too short where that is so only because something in it is wrong."""
    places = [tuple(error["loc"]) for error in errors]

    def follows(error: Mapping[str, Any]) -> bool:
        place = tuple(error["loc"])
        return error["type"] == "too_short" and any(each != place and each[: len(place)] == place for each in places)

    return [error for error in errors if not follows(error)]


def _fault(error: Mapping[str, Any]) -> Fault:
    kind = error["type"]
    source, *steps = error["loc"]
    if kind == "json_invalid":
        # FastAPI puts the offset of the mistake where a field would be.
        return Fault("", _at_offset(error, steps))
    place = _PLACES.get(source)
    # A parameter that is repeated is one parameter, so its number is no part of the place.
    named = ".".join(step for step in steps if isinstance(step, str))
    pointer = place.format(named) if place else json_pointer(steps)
    return Fault(pointer, _sentence(error), _remedy(error))


def _at_offset(error: Mapping[str, Any], steps: Sequence[str | int]) -> Text:
    said = _sentence(error)
    if not steps:
        return said
    return Text(f"第 {steps[0]} 个字符处：{said.zh}", f"At character {steps[0]}: {said.en}")


def _remedy(error: Mapping[str, Any]) -> Text:
    context = error.get("ctx", {})
    if "remedy_zh" in context:
        return Text(context["remedy_zh"], context["remedy_en"])
    return _REMEDIES.get(error["type"], _REMEDY)


def _sentence(error: Mapping[str, Any]) -> Text:
    own = error.get("ctx", {})
    if "remedy_zh" in own:
        return Text(own["zh"], own["en"])
    pattern = _SENTENCES.get(error["type"])
    if pattern is None:
        return Text(f"不合要求（{error['type']}）：{error['msg']}", f"{error['msg']}.")
    context = error.get("ctx", {})
    # pydantic lists the allowed values in English: 'a', 'b' or 'c'.
    in_chinese = {
        key: value.replace(" or ", "、").replace(", ", "、").replace("'", "") if key.startswith("expected") else value
        for key, value in context.items()
    }
    return Text(pattern.zh.format_map(in_chinese), pattern.en.format_map(context))
