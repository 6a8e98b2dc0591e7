"""The benchmarks measure like with like: the peers' policies give the same verdicts as the engine, and every part runs."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from benchmarks import sample
from benchmarks.peers import LABELS
from benchmarks.peers.common_expressions import Cel
from benchmarks.peers.rego_cpp import RegoCpp
from services.audit.engine import report
from services.audit.regulation import LAW
from services.manifest.model import canonical
from tests import world

if TYPE_CHECKING:
    from services.manifest.model import Manifest

CATALOGUE = Path("examples/catalogue")
PAST, FUTURE = "2025-12-31", "2027-12-31"

# The sample, with more asks, usage policies and metrics than an app usually has.
SAMPLE = sample.load().document
DOCUMENT: dict[str, Any] = {
    **SAMPLE,
    "asks": [
        *SAMPLE["asks"],
        {**SAMPLE["asks"][1], "code": "resident-population", "basis": "none", "paper": False},
        {**SAMPLE["asks"][1], "code": "hazard-sites", "basis": {"title": "示例县隐患排查办法"}, "paper": False},
    ],
    "usage_policy": [
        *SAMPLE["usage_policy"],
        {"measure": "log_in", "required": True, "target": "每周登录率95%", "assessed": True, "ranked": False, "circulated": False, "rhythm": "weekly", "penalty": "约谈"},
        {"measure": "enter_data", "required": True, "target": "每月20条"},
    ],
    "metrics": [{"metric": "points"}],
}

# Changes that matter to a rule which the peers judge: each verdict of each of them comes about.
CHANGES: list[dict[str, Any]] = [
    *({pointer: None} for pointer in (
        "kind", "stage", "sponsor", "sponsor/level", "sponsor/managed_by", "role", "begun_on", "online_on", "faces_grassroots",
        "review", "review/fits_plan", "review/reviewer", "review/reviewed_on", "supervision", "supervision/registration",
        "consolidation", "consolidation/decision", "consolidation/basis", "consolidation/basis/title", "consolidation/decided_by",
        "features", "features/3/kind", "features/3/decline", "features/3/decline/how", "features/3/forced", "features/3/rhythm",
        "asks/0/levels", "asks/0/basis", "asks/0/paper", "asks/2/basis", "asks/3/basis", "usage_policy", "usage_policy/0/measure",
        "usage_policy/0/target", "usage_policy/0/circulated", "usage_policy/0/required", "usage_policy/0/rhythm", "usage_policy/1",
        "metrics", "metrics/0/metric", "metrics/0",
    )),
    *({pointer: "none"} for pointer in ("review", "supervision", "consolidation", "consolidation/basis", "asks/0/basis")),
    *({"stage": stage} for stage in ("proposed", "approved", "building", "retiring", "retired")),
    *({"kind": kind} for kind in ("mini_program", "public_account", "terminal")),
    *({"sponsor/managed_by": managed_by, **connected} for managed_by in ("centre", "province") for connected in (
        {}, {"connected_platforms": "none"}, {"connected_platforms": {"to": ["示例平台"]}}, {"connected_platforms": {}},
        {"connected_platforms": {"planned_by": PAST}}, {"connected_platforms": {"planned_by": FUTURE}},
    )),
    *({"role": "sector_unified", **opened} for opened in ({}, {"opened_functions": "none"}, {"opened_functions": ["figures"]})),
    *({"consolidation/decision": decision, **due} for decision in ("merge", "retire") for due in (
        {}, {"consolidation/due_on": PAST}, {"consolidation/due_on": FUTURE},
    )),
    {"sponsor/level": "central"},
    {"begun_on": "2024-08-05"},
    {"begun_on": "2024-08-06"},
    {"review/could_be_module": True},
    {"review/meets_sharing_needs": False},
    {"asks": None, "features/1/levels": None, "levels": None},
    {"levels": None, "features": [], "asks": []},
    {"levels": ["city"], "faces_grassroots": False, "features": [], "asks": []},
    {"asks": []},
    {"asks/0/paper": True},
    {"asks/1/paper": False},
    {"asks/2/basis": {"title": "示例办法", "article": "第三条"}, "asks/3/basis/number": "示发〔2025〕9号"},
    {"usage_policy": []},
    {"usage_policy/1": None, "usage_policy/0/circulated": False},
    {"usage_policy/0/required": True},
    {"usage_policy/0/ranked": True},
    {"usage_policy/1/measure": "use"},
    {"features/3/forced": True, "features/3/rhythm": "daily"},
    {"features/3/decline/costs": ["points"], "features/3/rhythm": "once"},
    {"features/3/decline/costs": ["points"], "features/3/rhythm": None},
    {"metrics": []},
    {"metrics/0/metric": "likes"},
]  # fmt: skip


@pytest.fixture(scope="module")
def peers() -> dict[str, RegoCpp | Cel]:
    return {"rego-cpp": RegoCpp(), "cel": Cel()}


def verdicts(app: Manifest, on: date) -> dict[str, str]:
    return {each.label: each.verdict.value for each in report(app, None, LAW, on).rulings if each.label in LABELS}


def agree(app: Manifest, on: date, peers: dict[str, RegoCpp | Cel]) -> None:
    ours, document = verdicts(app, on), orjson.loads(canonical(app))
    assert {name: peer.verdicts(document, on) for name, peer in peers.items()} == dict.fromkeys(peers, ours)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_peers_give_the_same_verdicts_on_a_changed_sample(change: dict[str, Any], peers: dict[str, RegoCpp | Cel]) -> None:
    agree(world.manifest(world.changed(DOCUMENT, change)), sample.ON, peers)


def test_peers_give_the_same_verdicts_where_changes_meet(peers: dict[str, RegoCpp | Cel]) -> None:
    chance = random.Random(12)
    met = 0
    while met < 60:
        try:
            app = world.manifest(world.changed(world.changed(DOCUMENT, chance.choice(CHANGES)), chance.choice(CHANGES)))
        except (IndexError, KeyError, TypeError, ValueError):
            continue  # The second change needs what the first took away, or the two contradict each other.
        agree(app, sample.ON, peers)
        met += 1


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.yaml")), ids=lambda path: path.stem)
def test_peers_give_the_same_verdicts_on_the_catalogue(path: Path, peers: dict[str, RegoCpp | Cel]) -> None:
    app = world.manifest(world.load(path))
    for on in (date(2024, 8, 5), date(2024, 8, 6), sample.ON):
        agree(app, on, peers)


def test_every_verdict_of_the_compared_rules_comes_about() -> None:
    seen = {pair for change in CHANGES for pair in verdicts(world.manifest(world.changed(DOCUMENT, change)), sample.ON).items()}
    wanted = {(label, verdict) for label in LABELS for verdict in ("violation", "undetermined", "not_applicable")}
    wanted |= {(label, "compliant") for label in LABELS if label != "14.5"}
    assert not wanted - seen


def test_the_compared_rules_need_no_registry() -> None:
    case = sample.load()
    app = case.manifest()
    with_registry = report(app, case.neighbourhood(), LAW, sample.ON)
    assert verdicts(app, sample.ON) == {each.label: each.verdict.value for each in with_registry.rulings if each.label in LABELS}


def test_the_sample_is_what_the_figures_say() -> None:
    case = sample.load()
    seen = case.neighbourhood()
    assert len(case.manifest().features or ()) == 8
    assert len({neighbour.app for tie in seen.ties for neighbour in tie.neighbours}) == len(case.around) == 20
    assert len(report(case.manifest(), seen, LAW, sample.ON).rulings) == 26
