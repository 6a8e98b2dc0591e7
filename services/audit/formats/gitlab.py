"""GitLab's code quality report: findings and what is lacking, beside the lines of a merge request."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import orjson

from services.audit.formats import outline
from services.audit.identity import mark
from services.audit.law import LackKind, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.formats.checked import Checked
    from services.audit.formats.outline import Item, Outline, Where
    from services.text import Lang

SEVERITIES = {
    Verdict.VIOLATION: "critical",
    LackKind.PERSON: "major",
    LackKind.DECLARATION: "major",
    LackKind.REGISTRY: "minor",
    Verdict.EXEMPT: "info",
}
"""How GitLab ranks what is told; a source that cannot be read is a `blocker`."""


def render(checked: Sequence[Checked], *, lang: Lang) -> bytes:
    """Give what a check found in some sources as one list of issues."""
    seen: Counter[str] = Counter()
    issues = [issue for each in checked for issue in _issues(outline.outline(each, lang), seen)]
    return orjson.dumps(issues, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)


def _issues(each: Outline, seen: Counter[str]) -> Iterator[dict[str, Any]]:
    for problem in each.problems:
        yield _issue(problem, problem.places[0], "unreadable", "blocker", seen)
    for section in each.sections:
        severity = "info" if section.is_known else SEVERITIES[section.kind]
        for topic in section.topics:
            for item in topic.items:
                for place in item.places:
                    yield _issue(item, place, place.rule or "identity", severity, seen)


def _issue(item: Item, place: Where, rule: str, severity: str, seen: Counter[str]) -> dict[str, Any]:
    # Where there are no lines, the pointer says which field is meant.
    pointer = place.pointer if place.line is None else None
    said = " ".join(each for each in (place.rule, place.title, item.fact, item.remedy, pointer) if each)
    # A mark that stays when lines and positions move, so that a merge request shows what is new in it.
    found = mark(place.source, rule, place.steady)
    seen[found] += 1
    return {
        "check_name": rule,
        "description": said,
        "fingerprint": f"{found}-{seen[found]}",
        "severity": severity,
        "location": {"path": place.source, "lines": {"begin": place.line or 1}},
    }
