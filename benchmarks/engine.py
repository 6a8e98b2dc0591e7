"""`engine`: what judging costs in this process, next to rego-cpp and CEL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from benchmarks import sample
from benchmarks.figures import Table, ratio
from benchmarks.peers import LABELS
from benchmarks.peers.common_expressions import Cel
from benchmarks.peers.rego_cpp import RegoCpp
from benchmarks.timing import compare
from services.audit.engine import decide, report
from services.audit.law import Case
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.manifest.model import Manifest, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.timing import Timing

_BATCHES = 200
_OWN_REPORT = "govapp, report of 26 rules"
_OWN_SUBSET = f"govapp, {len(LABELS)} rules"
_REGO = f"rego-cpp, {len(LABELS)} rules"
_CEL = f"CEL, {len(LABELS)} rules"


def contenders() -> tuple[dict[str, Callable[[], object]], dict[str, Callable[[], object]]]:
    """Give what takes turns: with everything in each engine's own form, and from the bytes of the manifest on."""
    case = sample.load()
    manifest, neighbourhood, body, on = case.manifest(), case.neighbourhood(), case.body, sample.ON
    rules = [rule for rule in RULES if rule.label in LABELS]
    rego, cel = RegoCpp(), Cel()
    document = orjson.loads(canonical(manifest))
    rego_input, cel_context = rego.prepare(document, on), cel.prepare(document, on)

    def own_subset(judged: Manifest) -> object:
        seen = Case(judged, None, LAW, on)
        return [decide(rule, seen) for rule in rules]

    at_hand: dict[str, Callable[[], object]] = {
        _OWN_REPORT: lambda: report(manifest, neighbourhood, LAW, on),
        _OWN_SUBSET: lambda: own_subset(manifest),
        _REGO: lambda: rego.judge(rego_input),
        _CEL: lambda: cel.judge(cel_context),
    }
    from_bytes: dict[str, Callable[[], object]] = {
        _OWN_REPORT: lambda: report(Manifest.model_validate_json(body), neighbourhood, LAW, on),
        _OWN_SUBSET: lambda: own_subset(Manifest.model_validate_json(body)),
        _REGO: lambda: rego.judge(rego.prepare(orjson.loads(body), on)),
        _CEL: lambda: cel.judge(cel.prepare(orjson.loads(body), on)),
    }
    return at_hand, from_bytes


def measure() -> list[Table]:
    """Time the contenders, in turns."""
    at_hand, from_bytes = contenders()
    return [
        _table("已在各引擎自有形式中 · in each engine's own form", compare(at_hand, batches=_BATCHES)),
        _table(
            "自清单字节起，含校验 · from the manifest's bytes, ours validated", compare(from_bytes, batches=_BATCHES)
        ),
    ]


def _table(title: str, timings: dict[str, Timing]) -> Table:
    report_us, subset_us = timings[_OWN_REPORT].median_us, timings[_OWN_SUBSET].median_us
    table = Table(f"engine：{title}", ("", "中位 median µs", "p99 µs", "÷ 26 rules", f"÷ {len(LABELS)} rules"))
    for name, timing in timings.items():
        us = timing.median_us
        table.add(name, f"{us:.0f}", f"{timing.p99_us:.0f}", ratio(us / report_us), ratio(us / subset_us))
    return table
