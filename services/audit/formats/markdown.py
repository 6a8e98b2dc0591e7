"""Markdown (GitHub's and GitLab's): a report for a merge request, a wiki or a mail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from services.audit.formats import outline
from services.audit.law import LackKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.formats.checked import Checked
    from services.audit.formats.outline import Item, Outline, Section
    from services.audit.law import Report
    from services.text import Lang, Text

# What a manifest says must stay text: no links, images, mentions, HTML or tables of its own.
_MARKUP = re.compile(
    r"""
    [\\`*_{}\[\]<>|~@&$\#]           # emphasis, code, links, HTML, tables, mentions, references
    | (?<=\bwww)\. | :(?=//)          # addresses, which become links by themselves
    | :(?=[a-z_+-][\w+-]*:)            # names of emoji
    | ^[-+=] | (?<=^\d)[.)]           # lists and underlines, at the start
    """,
    re.VERBOSE,
)


def render(checked: Sequence[Checked], *, lang: Lang) -> str:
    """Give what a check found in some sources as Markdown, in their order; several begin with a table of them all."""
    outlines = [outline.outline(each, lang) for each in checked]
    lines: list[str] = []
    if len(outlines) > 1:
        lines += [*_overview(outlines, lang), ""]
    for each in outlines:
        lines += [*(_refused(each) if each.report is None else _judged(each, each.report)), ""]
    return "\n".join(lines[:-1]) + "\n"


def escaped(text: str) -> str:
    """Give a text in which nothing is markup."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _overview(outlines: Sequence[Outline], lang: Lang) -> Iterator[str]:
    yield f"# {_named(outline.REPORT, lang)}"
    yield ""
    yield " · ".join(f"{escaped(said)} {count}" for _, said, count in outline.totals(outlines, lang))
    yield ""
    yield _row(_named(each, lang) for each in (outline.SOURCE, outline.APP, outline.OUTCOME))
    yield _row(["---"] * 3)
    for each in outlines:
        app = " ".join(part for part in (each.name, each.app) if part)
        yield _row([escaped(each.source), escaped(app), f"**{escaped(each.concluded)}**"])


def _judged(judged: Outline, report: Report) -> Iterator[str]:
    lang = judged.lang
    colon = "：" if lang == "zh" else ": "
    yield f"## {escaped(judged.called)}"
    yield ""
    yield f"**{_named(outline.OUTCOME, lang)}{colon}{escaped(judged.concluded)}**"
    if judged.reason is not None:
        yield ""
        yield escaped(judged.reason)
    yield ""
    yield " · ".join(f"{escaped(said)} {count}" for _, said, count in judged.counts)
    yield ""
    yield escaped(f"{judged.source} · {report.on} · {report.law} · {judged.seen}")
    for section in judged.sections:
        yield ""
        yield f"### {escaped(section.title)} {section.count}"
        yield from _section(section, lang)


def _section(section: Section, lang: Lang) -> Iterator[str]:
    for topic in section.topics:
        if topic.label is not None:
            yield ""
            yield f"#### {escaped(f'{topic.label} {topic.title}')}"
            yield ""
            yield f"> {escaped(topic.text or '')}"
        yield ""
        for item in topic.items:
            yield from _item(item, outline.TO_DO if isinstance(section.kind, LackKind) else outline.REMEDY, lang)


def _item(item: Item, remedy: Text, lang: Lang) -> Iterator[str]:
    colon, comma = ("：", "、") if lang == "zh" else (": ", ", ")
    yield f"- {escaped(item.fact)}"
    if item.remedy is not None:
        yield f"  - {_named(remedy, lang)}{colon}{escaped(item.remedy)}"
    for each in item.places:
        about = "" if each.rule is None else f" {escaped(each.rule)}"
        yield f"  - {escaped(each.address)}{about} {escaped(each.field)}"
    for name, ids in ((outline.NEIGHBOURS, item.neighbours), (outline.GRANTS, item.grants)):
        if ids:
            yield f"  - {_named(name, lang)}{colon}{comma.join(escaped(each) for each in ids)}"


def _refused(refused: Outline) -> Iterator[str]:
    lang = refused.lang
    colon = "：" if lang == "zh" else ": "
    yield f"## {escaped(refused.source)}"
    yield ""
    yield f"**{_named(outline.OUTCOME, lang)}{colon}{escaped(refused.concluded)}**"
    yield ""
    for each in refused.problems:
        yield from _item(each, outline.REMEDY, lang)


def _row(cells: Iterator[str] | Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _named(name: Text, lang: Lang) -> str:
    return escaped(outline.heading(name, lang))
