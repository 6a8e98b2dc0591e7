"""What if, before a real registry: the difference that a draft, further drafts, a day or another law would make."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from services.audit.law import Law
from services.audit.regulation import LAW
from tests import world
from tests.integration.audit.test_checks_api import ask

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

EXAMPLES = world.load(world.RULES / "exemplary.yaml")
CENTRAL = {"manifest": "1", **EXAMPLES["central"]["app"]}
LOCAL = EXAMPLES["local"]["app"]
ON = "2026-03-01"
Document = dict[str, Any]


def another(**changes: Any) -> Document:  # noqa: ANN401 - any field
    """Draft another app of the same department."""
    return {**copy.deepcopy(CENTRAL), "id": "example-second", "name": "示例第二应用", **changes}


def supposing(tmp_path: Path | None, asked: Document) -> httpx.Response:
    """Ask what if."""

    async def post(client: httpx.AsyncClient, _: httpx.AsyncClient | None) -> httpx.Response:
        return await client.post("/v1/what-if", json={"on": ON, **asked})

    return ask(tmp_path, post)


def rules_of(answer: httpx.Response) -> dict[str, tuple[str | None, str | None]]:
    """Give the verdicts that differ."""
    assert answer.status_code == 200, answer.text
    return {each["rule"]: (each["before"], each["after"]) for each in answer.json()["difference"]["rulings"]}


def test_a_second_app_of_the_department_would_break_the_one_that_stands(tmp_path: Path) -> None:
    answer = supposing(tmp_path, {"manifest": CENTRAL, "suppose": {"drafts": [another(stage="proposed")]}})
    assert rules_of(answer)["several_apps_per_department"][1] == "violation"
    told = answer.json()
    assert told["difference"]["causes"] == ["neighbourhood"]
    (ruling,) = [each for each in told["difference"]["rulings"] if each["rule"] == "several_apps_per_department"]
    assert ruling["neighbours"] == ["example-second"]
    assert ruling["findings"]["gone"] == []
    assert len(ruling["findings"]["new"]) == 1
    assert told["before"]["manifest_hash"] == told["after"]["manifest_hash"]


def test_a_draft_that_is_none_of_its_neighbours_changes_nothing(tmp_path: Path) -> None:
    inner = another(faces_grassroots=False, levels=["central"], features=[], asks=[], holdings=[])
    answer = supposing(tmp_path, {"manifest": CENTRAL, "suppose": {"drafts": [inner]}})
    assert rules_of(answer) == {}
    assert answer.json()["difference"]["causes"] == []


def test_a_draft_of_the_registered_app_is_compared_with_what_stands(tmp_path: Path) -> None:
    feature = {"id": "clock", "kind": "check_in", "forced": True, "rhythm": "daily"}
    draft = {**LOCAL, "manifest": "1", "features": [*LOCAL["features"], feature]}
    del draft["id"]
    answer = supposing(tmp_path, {"app": LOCAL["id"], "suppose": {"manifest": draft}})
    assert rules_of(answer)["forced_check_in"][1] == "violation"
    told = answer.json()["difference"]
    assert (told["before"], told["after"]) == ("approve", "return")
    assert told["causes"] == ["manifest"]


def test_a_coming_day_is_judged_by_what_is_in_force_then(tmp_path: Path) -> None:
    answer = supposing(tmp_path, {"app": LOCAL["id"], "suppose": {"on": "2024-08-05"}})
    assert answer.json()["difference"]["causes"] == ["day"]
    assert answer.json()["after"]["on"] == "2024-08-05"
    assert all(after == "not_applicable" for _, after in rules_of(answer).values())


def test_another_version_of_the_law_is_judged_by_its_own_provisions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (instrument,) = LAW.instruments
    ended = tuple(
        replace(each, until_on=each.from_on) if each.label == "13.3" else each for each in instrument.provisions
    )
    coming = Law((replace(instrument, edition=99, provisions=ended),))
    monkeypatch.setattr("services.audit.api.what_if.LAWS", {LAW.version: LAW, coming.version: coming})
    answer = supposing(tmp_path, {"app": LOCAL["id"], "suppose": {"law": coming.version}})
    assert rules_of(answer) == {"unapproved_building": ("compliant", "not_applicable")}
    assert answer.json()["difference"]["causes"] == ["law"]


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ({"app": "local", "suppose": {}}, "/suppose"),
        ({"suppose": {"on": "2027-01-01"}}, ""),
        ({"app": "a", "manifest": {"manifest": "1"}, "suppose": {"on": "2027-01-01"}}, ""),
        ({"app": "local", "suppose": {"law": "nobody.1"}}, "/suppose/law"),
        ({"app": "local", "suppose": {"on": "2027-02-30"}}, "/suppose/on"),
        ({"manifest": {"manifest": "1", "nmae": "x"}, "suppose": {"on": "2027-01-01"}}, "/manifest/nmae"),
        ({"manifest": CENTRAL, "suppose": {"manifest": {"manifest": "1", "kind": 1}}}, "/suppose/manifest/kind"),
        ({"manifest": CENTRAL, "suppose": {"manifest": {"manifest": "1", "id": "other"}}}, "/suppose/manifest/id"),
        ({"manifest": CENTRAL, "suppose": {"drafts": [{"manifest": "1"}]}}, "/suppose/drafts/0/id"),
        ({"manifest": CENTRAL, "suppose": {"drafts": [{"manifest": "1", "x": 1}]}}, "/suppose/drafts/0/x"),
    ],
)
def test_what_cannot_be_supposed_is_refused_with_its_place(tmp_path: Path, asked: Document, place: str) -> None:
    answer = supposing(tmp_path, asked)
    assert answer.status_code == 422, answer.text
    assert place in {each["pointer"] for each in answer.json()["errors"]}


def test_an_unknown_app_is_not_found(tmp_path: Path) -> None:
    assert supposing(tmp_path, {"app": "nobody", "suppose": {"on": "2027-01-01"}}).status_code == 404


def test_without_the_registry_there_is_no_difference_to_tell() -> None:
    answer = supposing(None, {"manifest": CENTRAL, "suppose": {"on": "2027-01-01"}})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
