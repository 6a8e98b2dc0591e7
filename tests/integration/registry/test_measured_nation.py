"""What is measured is what is meant: the nation arrives whole, and the registry answers every question asked of it."""

from __future__ import annotations

import orjson
import pytest

from benchmarks import nation
from benchmarks.registry import bare, loading
from benchmarks.registry.questions import questions
from services.manifest.model import fingerprint
from services.registry.filters import AppFilter
from services.registry.store import snapshots
from services.registry.store.database import Database

APPS = 260


@pytest.fixture(scope="module")
def filled(database_url: str) -> str:
    for part in range(loading.PROCESSES):
        loading.main(database_url, APPS, 0, part, loading.PROCESSES)
    return database_url


def test_every_app_arrives_with_its_grants(filled: str) -> None:
    database = Database(filled)
    with snapshots.cases(database, None, snapshots.Partition(), AppFilter()) as snapshot:
        cases = [orjson.loads(line) for line in b"".join(snapshot.chunks).splitlines()]
    database.close()
    sent = {each.id: each for each in nation.apps(APPS)}
    assert {case["app"]: case["hash"] for case in cases} == {
        id: fingerprint(each.manifest) for id, each in sent.items()
    }
    for case in cases:
        granted = sent[case["app"]].grants
        assert [grant["kind"] for grant in case["grants"]] == [document["kind"] for document in granted]


def test_the_registry_answers_every_question_and_the_bare_sql_can_be_asked_again(filled: str) -> None:
    asked = [request for each in questions(APPS) for request in each.requests[:2]]
    heard = bare.overhear(filled, asked)
    assert all(heard)
    assert len(bare.replay(filled, heard, seconds=0.01)) >= len(asked)
