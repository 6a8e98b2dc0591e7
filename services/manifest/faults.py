"""What can be wrong with the text of a document, in JSON and YAML alike: each as the fact and the remedy."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from services.manifest.nodes import MAX_DEPTH, MAX_ITEMS
from services.manifest.quoting import shown
from services.text import Text

if TYPE_CHECKING:
    from services.manifest.nodes import Position

Said = tuple[Text, Text]
"""The fact and the remedy."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_NUMBER = 40
_LARGEST_WHOLE = 2**63


def has_lone_surrogate(text: str) -> bool:
    """Tell whether a text holds half of a character, which UTF-8 cannot write."""
    return _LONE_SURROGATE.search(text) is not None


def number(written: str) -> float | None:
    """Give the value of a decimal number; None when it is too long, too large or not finite."""
    if len(written) > _LONGEST_NUMBER:
        return None
    if written.lstrip("+-").isdecimal():
        whole = int(written)
        return whole if abs(whole) < _LARGEST_WHOLE else None
    value = float(written)
    return value if math.isfinite(value) else None


def too_deep() -> Said:
    """Say that maps and lists lie in each other too deeply."""
    return (
        Text(f"嵌套超过 {MAX_DEPTH} 层", f"maps and lists lie more than {MAX_DEPTH} deep in each other"),
        Text("清单只需要五层；检查括号或缩进", "a manifest needs five; check the brackets or the indentation"),
    )


def too_many_items() -> Said:
    """Say that a list or map is too long."""
    return (
        Text(f"超过 {MAX_ITEMS} 项", f"more than {MAX_ITEMS} items"),
        Text("清单中没有这么长的列表；其后的内容没有读", "a manifest has no list as long; what follows was not read"),
    )


def duplicate(name: str, first: Position) -> Said:
    """Say that a field stands twice in one map."""
    return (
        Text(
            f"字段“{shown(name)}”重复，已写在第 {first.line} 行第 {first.column} 列",
            f"the field “{shown(name)}” stands twice; first on line {first.line}, column {first.column}",
        ),
        Text("只保留一处", "keep one of them"),
    )


def unusable_number(written: str) -> Said:
    """Say that a number is no finite number of a usual size."""
    return (
        Text(f"“{shown(written)}”不是可用的数", f"“{shown(written)}” is no number that can be used"),
        Text(
            "清单中没有需要数的字段；文本请加引号", "no field of a manifest takes a number; put text in quotation marks"
        ),
    )


def half_a_character() -> Said:
    r"""Say that a text holds a lone surrogate, such as `\ud800`."""
    return (
        Text(r"含有半个字符（\ud800–\udfff 须成对出现）", r"half a character (\ud800–\udfff stand in pairs)"),
        Text("直接写出该字符", "write the character itself"),
    )


def more_faults() -> Said:
    """Say that reading stopped because too much is wrong."""
    return (
        Text("错误过多，其后的内容没有读", "too much is wrong; what follows was not read"),
        Text("先改正以上各处", "correct the places above first"),
    )
