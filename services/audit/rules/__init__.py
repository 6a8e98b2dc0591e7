"""The rules: every file of this folder is one.

Its name is its id, its docstring is its page, its function is the check.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from typing import TYPE_CHECKING

from services.audit.law import Rule
from services.text import Text

if TYPE_CHECKING:
    from types import ModuleType

_PAGES = re.compile(r"\n-{4,}\n")


def _page(module: ModuleType) -> tuple[Text, Text]:
    """Read title and page of a rule from its docstring: Chinese, a line of hyphens, English; first lines are titles."""
    zh, en = (part.strip() for part in _PAGES.split(module.__doc__ or ""))
    titles = Text(*(part.partition("\n")[0].rstrip("。.") for part in (zh, en)))
    return titles, Text(*(part.partition("\n")[2].strip() for part in (zh, en)))


def _rule(name: str) -> Rule:
    module = importlib.import_module(f"{__name__}.{name}")
    title, page = _page(module)
    return Rule(
        id=name,
        label=module.LABEL,
        provision=module.LABEL.rstrip("abc"),
        title=title,
        page=page,
        addresses=module.ADDRESSES,
        check=module.check,
        nothing=module.NOTHING,
    )


def _order(rule: Rule) -> tuple[int, int, str]:
    article, _, rest = rule.label.partition(".")
    sentence = rest.rstrip("abc")
    return int(article), int(sentence), rest[len(sentence) :]


RULES: tuple[Rule, ...] = tuple(sorted((_rule(each.name) for each in pkgutil.iter_modules(__path__)), key=_order))
"""Every rule, in the order of the law."""
