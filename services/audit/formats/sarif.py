"""SARIF 2.1.0 (OASIS, errata 01): what editors and code-review tools show beside the lines of a manifest.

A finding is a failure. What is lacking is no failure, and SARIF lets nothing but a failure have a level: a question to
a person has the kind `review`, a lack of declarations or of the registry the kind `open`, an exemption is
`informational`. Verdicts with nothing to show stand in the properties of the run: every rule is accounted for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from services.audit.formats.checked import Judged, Refused
from services.audit.formats.prose import flowing, sentence
from services.audit.identity import mark
from services.audit.law import LackKind
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.audit.formats.checked import Checked
    from services.audit.law import Exemption, Finding, Lack, Report, Rule, Ruling
    from services.manifest.problems import Problem
    from services.text import Lang

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LANGUAGES = {"zh": "zh-CN", "en": "en"}

UNREADABLE = "unreadable_manifest"
"""Id of what is told of a source that is no manifest."""
IDENTITY = "undeclared_identity"
"""Id of what is lacking to know that an app is one at all, and runs."""

_OWN = {
    UNREADABLE: (
        Text("文件是可以读取的清单", "The file is a manifest that can be read"),
        Text("先改正这些问题，才能检查。", "These problems come before any check."),
    ),
    IDENTITY: (
        Text("清单声明了形态和阶段", "The manifest declares its kind and stage"),
        Text(
            "不声明形态和阶段，就不知道规定是否适用。", "Without kind and stage it is unknown whether the law applies."
        ),
    ),
}
_KINDS = {LackKind.PERSON: "review", LackKind.REGISTRY: "open", LackKind.DECLARATION: "open"}


def render(checked: Sequence[Checked], *, lang: Lang, version: str) -> bytes:
    """Give what a check found in some sources as one SARIF log with one run.

    Args:
        checked: what was found in each source; a source is a path, absolute or relative to where the log is read.
        lang: language of the messages.
        version: version of the program.
    """
    return orjson.dumps(_Log(checked, lang, version).document(), option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_INDENT_2)


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place in the source of a number; no row and column where it has no lines."""

    number: int
    source: str
    pointer: str
    steady: str
    row: int | None
    column: int | None


class _Log:
    """One log in one language."""

    def __init__(self, checked: Sequence[Checked], lang: Lang, version: str) -> None:
        self._checked = checked
        self._lang = lang
        self._version = version
        self._rules = [*(_rule(each, lang) for each in RULES), *(_own_rule(each, lang) for each in _OWN)]
        self._index = {each["id"]: i for i, each in enumerate(self._rules)}
        self._seen: Counter[str] = Counter()

    def document(self) -> dict[str, Any]:
        language = LANGUAGES[self._lang]
        driver = {"name": "govapp", "version": self._version, "language": language, "rules": self._rules}
        run = {
            "tool": {"driver": driver},
            "language": language,
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": not any(isinstance(each, Refused) for each in self._checked)}],
            "artifacts": [{"location": {"uri": uri(each.source)}, "encoding": "UTF-8"} for each in self._checked],
            "results": list(self._results()),
            "properties": {"reports": [_summary(each) for each in self._checked if isinstance(each, Judged)]},
        }
        return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}

    def _results(self) -> Iterator[dict[str, Any]]:
        for number, each in enumerate(self._checked):
            if isinstance(each, Refused):
                for problem in each.problems:
                    yield self._unreadable(number, each, problem)
                continue
            if each.fresh is None or each.known is None:
                yield from self._told(number, each, each.report)
                continue
            for part, state in ((each.fresh, "new"), (each.known, "unchanged")):
                for result in self._told(number, each, part):
                    # An exemption is neither new nor known: a baseline knows only what is to be put right.
                    yield result if result["kind"] == "informational" else {**result, "baselineState": state}

    def _told(self, number: int, judged: Judged, report: Report) -> Iterator[dict[str, Any]]:
        for lack in report.lacks:
            yield self._lack(number, judged, None, lack)
        for ruling in report.rulings:
            for finding in ruling.findings:
                yield self._finding(number, judged, ruling, finding)
            for lack in ruling.lacks:
                yield self._lack(number, judged, ruling, lack)
            if report is not judged.known:
                for exemption in ruling.exemptions:
                    yield self._exemption(number, judged, ruling, exemption)

    def _unreadable(self, number: int, refused: Refused, problem: Problem) -> dict[str, Any]:
        said = self._message(problem.detail, problem.remedy)
        place = _Spot(number, refused.source, problem.pointer, problem.pointer, problem.line, problem.column)
        return self._result(UNREADABLE, "fail", said, place, {}, refused.source)

    def _finding(self, number: int, judged: Judged, ruling: Ruling, finding: Finding) -> dict[str, Any]:
        more = {**_about(ruling), "neighbours": finding.neighbours}
        said = self._message(finding.fact, finding.remedy)
        return self._result(ruling.rule, "fail", said, _place(number, judged, finding.place), more, _app(judged))

    def _lack(self, number: int, judged: Judged, ruling: Ruling | None, lack: Lack) -> dict[str, Any]:
        more = {**({} if ruling is None else _about(ruling)), "lack": lack.kind.value, "neighbours": lack.neighbours}
        said = self._message(lack.fact, lack.remedy)
        rule = IDENTITY if ruling is None else ruling.rule
        return self._result(rule, _KINDS[lack.kind], said, _place(number, judged, lack.place), more, _app(judged))

    def _exemption(self, number: int, judged: Judged, ruling: Ruling, exemption: Exemption) -> dict[str, Any]:
        more = {**_about(ruling), "grants": exemption.grants}
        said = sentence(exemption.reason, self._lang)
        place = _place(number, judged, exemption.place)
        return self._result(ruling.rule, "informational", said, place, more, _app(judged))

    def _message(self, fact: Text, remedy: Text) -> str:
        return ("" if self._lang == "zh" else " ").join(sentence(each, self._lang) for each in (fact, remedy))

    def _result(self, rule: str, kind: str, said: str, spot: _Spot, more: dict[str, Any], app: str) -> dict[str, Any]:
        physical: dict[str, Any] = {"artifactLocation": {"uri": uri(spot.source), "index": spot.number}}
        if spot.row is not None:
            physical["region"] = {"startLine": spot.row, "startColumn": spot.column}
        location: dict[str, Any] = {"physicalLocation": physical}
        if spot.pointer:
            location["logicalLocations"] = [{"fullyQualifiedName": spot.pointer}]
        return {
            "ruleId": rule,
            "ruleIndex": self._index[rule],
            "kind": kind,
            "level": "error" if kind == "fail" else "none",
            "message": {"text": said},
            "locations": [location],
            "partialFingerprints": {"govapp/v1": self._fingerprint(app, rule, kind, spot.steady)},
            **({"properties": more} if more else {}),
        }

    def _fingerprint(self, *parts: str) -> str:
        """Give a mark that stays when lines and positions move: of app, rule and place; several are counted."""
        found = mark(*parts)
        self._seen[found] += 1
        return f"{found}:{self._seen[found]}"


def uri(source: str) -> str:
    """Give the URI reference of a source, with everything encoded that a URI cannot hold."""
    path = PurePath(source)
    written = quote(path.as_posix().encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{written}" if path.is_absolute() else written


def _rule(rule: Rule, lang: Lang) -> dict[str, Any]:
    provision = LAW.provisions[rule.provision]
    text, page = provision.text.in_(lang), flowing(rule.page.in_(lang))
    return {
        "id": rule.id,
        "name": rule.label,
        "shortDescription": {"text": sentence(rule.title, lang)},
        "fullDescription": {"text": sentence(provision.text, lang)},
        "help": {"text": f"{rule.provision} {text}\n\n{page}", "markdown": f"> {rule.provision} {text}\n\n{page}"},
        "defaultConfiguration": {"level": "error"},
        "properties": {
            "label": rule.label,
            "provision": rule.provision,
            "strength": provision.strength.value,
            "tags": ["compliance", rule.provision],
        },
    }


def _own_rule(id: str, lang: Lang) -> dict[str, Any]:
    title, meaning = _OWN[id]
    return {
        "id": id,
        "shortDescription": {"text": sentence(title, lang)},
        "fullDescription": {"text": sentence(meaning, lang)},
        "help": {"text": sentence(meaning, lang)},
        "defaultConfiguration": {"level": "error"},
    }


def _about(ruling: Ruling) -> dict[str, Any]:
    return {"label": ruling.label, "provision": ruling.provision, "verdict": ruling.verdict.value}


def _app(judged: Judged) -> str:
    return judged.report.app or judged.source


def _place(number: int, judged: Judged, pointer: str) -> _Spot:
    row, column = (None, None) if judged.positions is None else judged.positions.of(pointer)
    return _Spot(number, judged.source, pointer, judged.steady(pointer), row, column)


def _summary(judged: Judged) -> dict[str, Any]:
    """Account for every rule, those with nothing to show included."""
    report = judged.report
    return {
        "uri": uri(judged.source),
        "app": report.app,
        "on": report.on,
        "law": report.law,
        "revision": report.revision,
        "outcome": report.outcome.value,
        "counts": report.counts,
        "verdicts": {ruling.rule: ruling.verdict.value for ruling in report.rulings},
    }
