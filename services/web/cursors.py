"""Page cursors: opaque to callers, bound to the filters of the list they belong to."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING

from services.text import Text
from services.web.problem_types import INVALID_CURSOR
from services.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

Position = dict[str, str | int]
"""Where a page ended: the sort key of its last row, by name."""

_MAX_CHARACTERS = 2048
_MAX_INTEGER = 2**63 - 1


def encode_cursor(position: Mapping[str, str | int], filters: Mapping[str, object]) -> str:
    """Give the cursor that continues after `position` in the list made with `filters` (anything JSON can say)."""
    digest = _digest(filters)
    sealed = [digest, dict(position), _digest({"filters": digest, "position": dict(position)})]
    content = json.dumps(sealed, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, filters: Mapping[str, object], fields: Mapping[str, type[str | int]]) -> Position:
    """Give the position that `encode_cursor` was given, with exactly the `fields`, each of its type.

    A cursor that was altered on the way is found out by its digest. Callers can still write cursors of their own, so
    nothing but names and types may be relied on: a text has no control characters, a number fits into 64 bits.

    Raises:
        Problem: `invalid-cursor` (400) when it is damaged or belongs to other filters.

    """
    position = _read(cursor, filters)
    if position.keys() != fields.keys() or not all(_is_sound(position[name], fields[name]) for name in fields):
        raise _damaged()
    return position


def _read(cursor: str, filters: Mapping[str, object]) -> Position:
    if len(cursor) > _MAX_CHARACTERS:
        raise _damaged()
    try:
        content = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError):
        raise _damaged() from None
    match content:
        case [str(digest), dict(position), str(seal)] if seal == _digest({"filters": digest, "position": position}):
            pass
        case _:
            raise _damaged()
    if digest != _digest(filters):
        raise _invalid(Text("游标属于另一组筛选条件。", "The cursor belongs to other filters."))
    return position


def _is_sound(value: object, kind: type[str | int]) -> bool:
    if kind is int:
        return type(value) is int and abs(value) <= _MAX_INTEGER
    return isinstance(value, str) and not any(c < " " or c == "\x7f" or "\ud800" <= c <= "\udfff" for c in value)


def _digest(filters: Mapping[str, object]) -> str:
    content = json.dumps(dict(filters), ensure_ascii=True, sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _damaged() -> Problem:
    return _invalid(Text("游标已损坏。", "The cursor is damaged."))


def _invalid(detail: Text) -> Problem:
    remedy = Text("请去掉 cursor，从第一页重新开始。", "Leave the cursor out and begin with the first page.")
    return Problem(INVALID_CURSOR, detail, errors=[Fault("?cursor", detail, remedy)])
