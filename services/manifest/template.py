"""The template of a manifest: every field with what it means, still undeclared, to be filled in with any editor.

It is written from the model, so it cannot forget a field. Top-level fields stand ready and empty, which is undeclared;
what lies inside them is commented out, because an entry that is written declares that there is one.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from services.manifest import expected
from services.manifest.model import Manifest
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.manifest.model import Part
    from services.manifest.nodes import Path
    from services.text import Lang

_WIDTH = 96
_HEAD = (
    Text("政务应用程序清单，第 1 版。", "Manifest of a government app, version 1."),
    Text(
        "空着的字段是“未声明”，既不是“无”，也不是“否”；确实没有的，写 none 或 []。",
        'An empty field is undeclared: neither "none" nor "no". Where there is none, write none or [].',
    ),
    Text(
        "缩进的部分是注释：去掉行首的 # 即可填写。",
        "Indented parts are comments: take away the # that begins a line to fill it in.",
    ),
    Text(
        "日期写成 2025-03-01；列表写成 [a, b]。检查：govapp check 文件",
        "Days look like 2025-03-01, lists like [a, b]. To check it: govapp check FILE",
    ),
)
_SECTIONS = {
    "id": Text("应用", "The app"),
    "sponsor": Text("单位", "Units"),
    "regions": Text("范围", "Reach"),
    "stage": Text("阶段和日期", "Stage and dates"),
    "review": Text("立项、审批、监管", "Review, approval, supervision"),
    "features": Text("功能和数据", "Features and data"),
    "usage_policy": Text("使用要求和考评", "Usage policy and assessment"),
    "opened_functions": Text("开放、对接、整合", "Opening, connecting, consolidating"),
    "complaint_channel": Text("其他", "Other"),
}


def template(lang: Lang) -> str:
    """Give the template as YAML with comments in a language; it reads as a manifest that declares nothing."""
    lines = [f"# {each.in_(lang)}" for each in _HEAD]
    lines += ["", 'manifest: "1"']
    for name in Manifest.model_fields:
        if name == "manifest":
            continue
        if name in _SECTIONS:
            lines += ["", f"# ---- {_SECTIONS[name].in_(lang)}"]
        above, key, below = _field(Manifest, name, (name,), lang)
        lines += [*(f"# {line}" for line in above), key, *(f"#  {line}" for line in below)]
    return "\n".join(lines) + "\n"


def _field(part: type[Part], name: str, path: Path, lang: Lang) -> tuple[list[str], str, list[str]]:
    """Give what a field means, its name, and what lies inside it."""
    place = expected.at(path)
    title = expected.fields_of(part)[name]
    zh, _, en = (part.model_fields[name].description or "").partition("\n")
    is_list = place is not None and place.is_list
    item = expected.at((*path, 0)) if is_list else place
    kind = Text("（列表）", " (list)") if is_list else Text("", "")
    above = [f"{title.zh}{kind.zh}：{zh}" if lang == "zh" else f"{title.en[:1].upper()}{title.en[1:]}{kind.en}. {en}"]
    if item is not None and item.terms is not None:
        above += _wrapped(
            f"{each.value}（{each.zh}）" if lang == "zh" else f"{each.value} ({each.en})" for each in item.terms
        )
    if item is None or item.part is None:
        return above, f"{name}:", []
    if not is_list:
        return above, f"{name}:", list(_inside(item.part, path, lang))
    return above, f"{name}:", ["-", *(f"  {line}" for line in _inside(item.part, (*path, 0), lang))]


def _inside(part: type[Part], path: Path, lang: Lang) -> Iterator[str]:
    for name in part.model_fields:
        above, key, below = _field(part, name, (*path, name), lang)
        yield from (f"# {line}" for line in above)
        yield key
        yield from (f"  {line}" for line in below)


def _wrapped(words: Iterable[str]) -> Iterator[str]:
    """Give words on as many lines as they need."""
    line = ""
    for word in words:
        if line and _columns(line) + _columns(word) > _WIDTH:
            yield line
            line = ""
        line = f"{line} | {word}" if line else f"= {word}"
    yield line


def _columns(text: str) -> int:
    """Count the columns of a text on a screen, where Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(each) in {"W", "F"} else 1 for each in text)
