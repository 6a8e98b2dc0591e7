"""The benchmarks measure like with like: the peers' policies give the same verdicts as the engine."""

from __future__ import annotations

import random
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from pydantic import ValidationError

from benchmarks import engine, sample
from benchmarks.peers import LABELS
from benchmarks.peers.common_expressions import Cel
from benchmarks.peers.rego_cpp import RegoCpp
from services.audit.engine import report
from services.audit.law import Verdict
from services.audit.regulation import LAW
from services.manifest.model import canonical
from tests import world

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.manifest.model import Manifest

Peers = dict[str, RegoCpp | Cel]

CATALOGUE = Path(__file__).parents[2] / "examples" / "catalogue"
PAST, FUTURE = "2025-12-31", "2027-12-31"

# The sample, with more asks, usage policies and metrics than an app usually has.
SAMPLE = sample.load().document
ASK = SAMPLE["asks"][1]
POLICY = SAMPLE["usage_policy"][0]
DOCUMENT: dict[str, Any] = {
    **SAMPLE,
    "asks": [
        *SAMPLE["asks"],
        {**ASK, "code": "resident-population", "basis": "none", "paper": False},
        {**ASK, "code": "hazard-sites", "basis": {"title": "示例县隐患排查办法"}, "paper": False},
    ],
    "usage_policy": [
        *SAMPLE["usage_policy"],
        {
            **POLICY,
            "required": True,
            "target": "每周登录率95%",
            "assessed": True,
            "rhythm": "weekly",
            "penalty": "约谈",
        },
        {"measure": "enter_data", "required": True, "target": "每月20条"},
    ],
    "metrics": [{"metric": "points"}],
}

TAKEN_AWAY = [
    "kind",
    "stage",
    "sponsor",
    "sponsor/level",
    "sponsor/managed_by",
    "role",
    "begun_on",
    "online_on",
    "faces_grassroots",
    "levels",
    "review",
    "review/fits_plan",
    "review/reviewer",
    "review/reviewed_on",
    "supervision",
    "supervision/registration",
    "consolidation",
    "consolidation/decision",
    "consolidation/basis",
    "consolidation/basis/title",
    "consolidation/decided_by",
    "features",
    "features/3/kind",
    "features/3/decline",
    "features/3/decline/how",
    "features/3/forced",
    "features/3/rhythm",
    "asks",
    "asks/0/levels",
    "asks/0/basis",
    "asks/0/paper",
    "asks/2/basis",
    "asks/3/basis",
    "metrics",
    "metrics/0/metric",
    "metrics/0",
    "usage_policy",
    "usage_policy/0/measure",
    "usage_policy/0/target",
    "usage_policy/0/circulated",
    "usage_policy/0/required",
    "usage_policy/0/rhythm",
    "usage_policy/1",
]
DECLARED_NONE = ("review", "supervision", "consolidation", "consolidation/basis", "asks/0/basis")
CONNECTIONS: tuple[Any, ...] = (None, "none", {"to": ["示例平台"]}, {}, {"planned_by": PAST}, {"planned_by": FUTURE})


def changes() -> Iterator[dict[str, Any]]:
    """Give changes of the document that matter to the rules compared: each verdict of each rule comes about."""
    yield from ({pointer: None} for pointer in TAKEN_AWAY)
    yield from ({pointer: "none"} for pointer in DECLARED_NONE)
    yield from ({"stage": stage} for stage in ("proposed", "approved", "building", "retiring", "retired"))
    yield from ({"kind": kind} for kind in ("mini_program", "public_account", "terminal"))
    for managed_by in ("centre", "province"):
        yield from ({"sponsor/managed_by": managed_by, "connected_platforms": link} for link in CONNECTIONS)
    for opened in (None, "none", ["figures"]):
        yield {"role": "sector_unified", "opened_functions": opened}
    for decision in ("merge", "retire"):
        yield from ({"consolidation/decision": decision, "consolidation/due_on": due} for due in (None, PAST, FUTURE))
    yield {"sponsor/level": "central"}
    yield {"begun_on": "2024-08-05"}
    yield {"begun_on": "2024-08-06"}
    yield {"review/could_be_module": True}
    yield {"review/meets_sharing_needs": False}
    yield {"asks": None, "features/1/levels": None, "levels": None}
    yield {"levels": None, "features": [], "asks": []}
    yield {"levels": ["city"], "faces_grassroots": False, "features": [], "asks": []}
    yield {"asks": []}
    yield {"asks/0/paper": True}
    yield {"asks/1/paper": False}
    yield {"asks/2/basis": {"title": "示例办法", "article": "第三条"}, "asks/3/basis/number": "示发〔2025〕9号"}
    yield {"usage_policy": []}
    yield {"usage_policy/1": None, "usage_policy/0/circulated": False}
    yield {"usage_policy/0/required": True}
    yield {"usage_policy/0/ranked": True}
    yield {"usage_policy/1/measure": "use"}
    yield {"features/3/forced": True, "features/3/rhythm": "daily"}
    yield {"features/3/decline/costs": ["points"], "features/3/rhythm": "once"}
    yield {"features/3/decline/costs": ["points"], "features/3/rhythm": None}
    yield {"metrics": []}
    yield {"metrics/0/metric": "likes"}


CHANGES = list(changes())


@pytest.fixture(scope="module")
def peers() -> Peers:
    return {"rego-cpp": RegoCpp(), "cel": Cel()}


def verdicts(app: Manifest, on: date) -> dict[str, str]:
    return {each.label: each.verdict.value for each in report(app, None, LAW, on).rulings if each.label in LABELS}


def agree(app: Manifest, on: date, peers: Peers) -> None:
    ours, document = verdicts(app, on), orjson.loads(canonical(app))
    assert {name: peer.verdicts(document, on) for name, peer in peers.items()} == dict.fromkeys(peers, ours)


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_peers_give_the_same_verdicts_on_a_changed_sample(change: dict[str, Any], peers: Peers) -> None:
    agree(world.manifest(world.changed(DOCUMENT, change)), sample.ON, peers)


def test_peers_give_the_same_verdicts_where_changes_meet(peers: Peers) -> None:
    chance, met = random.Random(12), 0
    while met < 60:
        one, other = chance.sample(CHANGES, 2)
        try:
            app = world.manifest(world.changed(world.changed(DOCUMENT, one), other))
        except (IndexError, TypeError, ValidationError):
            continue  # The second change needs what the first took away, or the two contradict each other.
        agree(app, sample.ON, peers)
        met += 1


@pytest.mark.parametrize("path", sorted(CATALOGUE.glob("*.yaml")), ids=lambda path: path.stem)
def test_peers_give_the_same_verdicts_on_the_catalogue(path: Path, peers: Peers) -> None:
    app = world.manifest(world.load(path))
    for on in (date(2024, 8, 5), date(2024, 8, 6), sample.ON):
        agree(app, on, peers)


def test_every_verdict_of_the_compared_rules_comes_about() -> None:
    apps = [world.manifest(world.changed(DOCUMENT, change)) for change in CHANGES]
    seen = {pair for app in apps for pair in verdicts(app, sample.ON).items()}
    wanted = {(label, verdict.value) for label in LABELS for verdict in Verdict if verdict is not Verdict.EXEMPT}
    # A metric of use is either one that the provision names or a question to a person.
    assert seen == wanted - {("14.5", "compliant")}


def test_the_compared_rules_need_no_registry() -> None:
    case = sample.load()
    rulings = report(case.manifest(), case.neighbourhood(), LAW, sample.ON).rulings
    with_registry = {each.label: each.verdict.value for each in rulings if each.label in LABELS}
    assert verdicts(case.manifest(), sample.ON) == with_registry


def test_the_sample_is_what_the_figures_say() -> None:
    case = sample.load()
    seen = case.neighbourhood()
    assert len(case.manifest().features or ()) == 8
    assert len({neighbour.app for tie in seen.ties for neighbour in tie.neighbours}) == len(case.around) == 20
    assert len(report(case.manifest(), seen, LAW, sample.ON).rulings) == 26


def test_every_contender_in_process_answers() -> None:
    for contenders in engine.contenders():
        for call in contenders.values():
            assert call()
