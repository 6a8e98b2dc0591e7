"""Propose, decide, approve: the whole loop with both services as processes, and fifty workflows at once."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from services.audit import receipts, replays
from services.audit.registry_client import RegistryClient, RegistryOptions
from services.audit.signing import PublicKeys
from tests.conftest import ENGINES, new_database
from tests.processes import GOVAPP
from tests.workflow import AGAIN, Services, Workflow, both, done, proposal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.audit.replays import Replay

RIVALS = 50
ASKED = {"of_a_check": "compliant", "of_a_gate": "applicable"}
Document = dict[str, Any]


@pytest.fixture(scope="module", params=ENGINES)
def services(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("loop")
    with (
        new_database(request.param, folder, request) as registry,
        new_database(request.param, folder, request) as audit,
        both(registry, audit, folder) as running,
    ):
        yield running


@pytest.fixture
def workflow(services: Services) -> Iterator[Workflow]:
    found = Workflow(services)
    yield found
    found.close()


def replay(services: Services, *signed: str) -> list[Replay]:
    """Verify receipts offline, and judge again what they say."""
    keys = PublicKeys(services.jwks().read_bytes())

    async def judge() -> list[Replay]:
        async with RegistryClient(RegistryOptions(services.registry, deadline_s=30)) as registry:
            return [await replays.replay(receipts.read(each, keys), registry) for each in signed]

    return asyncio.run(judge())


def govapp(*arguments: str | Path) -> tuple[int, str]:
    command = [GOVAPP, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def questionable(mark: str) -> Document:
    """A proposal on which a person must be asked."""
    document = proposal(mark)
    document["review"]["overlaps_existing"] = True
    return document


def test_it_is_proposed_decided_and_approved(services: Services, workflow: Workflow, tmp_path: Path) -> None:
    app, revision = workflow.propose(proposal(secrets.token_hex(4)))
    decision = workflow.decide(app, revision)
    assert (decision["outcome"], decision["report"]["outcome"], decision["questions"]) == ("approve", "approve", [])
    assert decision["report"]["revision"] == decision["revision"]
    approved = done(workflow.approve(app, revision, decision["receipt"]))
    assert approved["stage"] == "approved"

    file = tmp_path / "receipt.jws"
    file.write_text(workflow.audit.get(f"/v1/decisions/{decision['id']}/receipt").text)
    code, said = govapp("verify", file, "--jwks", services.jwks())
    assert code == 0, said
    assert decision["id"] in said
    code, said = govapp("replay", file, "--jwks", services.jwks(), "--registry", services.registry)
    assert code == 0, said
    assert "26" in said


def test_whoever_comes_second_must_decide_again_and_sees_the_first(workflow: Workflow) -> None:
    mark = secrets.token_hex(4)
    first, second = workflow.propose(proposal(mark)), workflow.propose(proposal(mark))
    # Proposals do not bear on each other, so both are fine before either is approved.
    decisions = [workflow.decide(*each) for each in (first, second)]
    assert [each["outcome"] for each in decisions] == ["approve", "approve"]
    done(workflow.approve(*first, decisions[0]["receipt"]))
    refused = workflow.approve(*second, decisions[1]["receipt"])
    assert (refused.status_code, refused.json()["type"]) == (409, AGAIN)
    again = workflow.decide(*second, previous=decisions[1]["id"])
    assert (again["outcome"], again["previous"]) == ("return", decisions[1]["id"])
    violated = {each["rule"] for each in again["report"]["rulings"] if each["verdict"] == "violation"}
    assert violated == {"several_apps_per_department"}
    assert workflow.approve(*second, again["receipt"]).status_code == 422


def test_what_persons_have_answered_carries_over_when_it_is_decided_again(
    services: Services, workflow: Workflow
) -> None:
    mark = secrets.token_hex(4)
    rival, app = workflow.propose(proposal(mark)), workflow.propose(questionable(mark))
    referred = workflow.decide(*app)
    assert referred["outcome"] == "refer"
    assert workflow.approve(*app, referred["receipt"]).status_code == 422
    settled = workflow.answer(referred, **ASKED)
    assert (settled["outcome"], settled["previous"]) == ("approve", referred["id"])
    assert [each["person"]["name"] for each in settled["answers"]] == ["示例审核员"]

    done(workflow.approve(*rival, workflow.decide(*rival)["receipt"]))
    assert workflow.approve(*app, settled["receipt"]).json()["type"] == AGAIN
    headers = {"If-Match": f'"{workflow.revision(rival[0])}"'}
    done(workflow.registry.post(f"/v1/apps/{rival[0]}/withdraw", json={"reason": "示例撤回"}, headers=headers))
    assert workflow.approve(*app, settled["receipt"]).json()["type"] == AGAIN

    again = workflow.decide(*app, previous=settled["id"])
    assert (again["outcome"], again["answers"]) == ("approve", settled["answers"])
    done(workflow.approve(*app, again["receipt"]))
    told = replay(services, referred["receipt"], settled["receipt"], again["receipt"])
    assert [(each.differences, each.is_same_record) for each in told] == [((), True)] * 3


def test_of_fifty_workflows_of_one_department_exactly_one_is_approved(services: Services) -> None:
    mark = secrets.token_hex(4)
    start, signed, outcomes = threading.Barrier(RIVALS), [], []

    def run(_: int) -> bool:
        workflow = Workflow(services)
        try:
            app, revision = workflow.propose(proposal(mark))
            start.wait(timeout=60)
            previous: dict[str, str] = {}
            while True:
                decision = workflow.decide(app, revision, **previous)
                signed.append(decision["receipt"])
                if decision["outcome"] != "approve":
                    outcomes.append(decision["outcome"])
                    return False
                answer = workflow.approve(app, revision, decision["receipt"])
                if answer.status_code == httpx.codes.OK:
                    return True
                assert (answer.status_code, answer.json()["type"]) == (409, AGAIN), answer.text
                previous = {"previous": decision["id"]}
        finally:
            workflow.close()

    with ThreadPoolExecutor(RIVALS) as threads:
        approved = list(threads.map(run, range(RIVALS)))
    assert approved.count(True) == 1
    assert outcomes == ["return"] * (RIVALS - 1)
    assert all(each.differences == () and each.is_same_record for each in replay(services, *signed))
    code, said = govapp("ledger", "verify", services.audit)
    assert code == 0, said
