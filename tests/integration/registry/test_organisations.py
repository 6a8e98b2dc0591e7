"""The tree of organisations over HTTP: facts with their days, the way to the root, and what fits into no tree."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from services.manifest import credit_code
from tests.integration.registry.clerk import problem
from tests.integration.registry.offices import Offices, new_code

if TYPE_CHECKING:
    from services.registry.store.database import Database
    from tests.integration.registry.clerk import Clerk


@pytest.fixture
def offices(clerk: Clerk) -> Offices:
    return Offices(clerk)


def test_an_organisation_is_recorded_and_read(offices: Offices) -> None:
    code = new_code("N")
    recorded = {
        "names": [{"name": "示例村经济合作社"}],
        "parents": [],
        "level": "village",
        "division": "990101",
        "nature": "other",
        "managed_by": "none",
    }
    answer = offices.put(code, recorded, headers={"If-None-Match": "*"})
    summary = offices.clerk.done(answer, 201)
    assert answer.headers["Location"] == f"/v1/organisations/{code}"
    assert summary["code"] == code
    assert (summary["name"], summary["above"], summary["level"]) == ("示例村经济合作社", None, "village")
    read = offices.get(code)
    assert read["recorded"] == recorded
    assert (read["name"], read["above"], read["is_ended"], read["on"]) == ("示例村经济合作社", None, False, None)


def test_a_credit_code_has_its_check_character(offices: Offices) -> None:
    code = new_code()
    wrong = code[:-1] + next(each for each in credit_code.ALPHABET if each != code[-1])
    problem(offices.put(wrong, {"names": [{"name": "示例局"}]}), 422)


def test_every_change_says_why_and_on_what_it_is_based(offices: Offices) -> None:
    code = offices.record("示例局")
    changed = {"names": [{"name": "示例局"}], "level": "city"}
    assert offices.clerk.http.put(f"/v1/organisations/{code}", json=changed).status_code == 422
    problem(offices.put(code, changed), 428)
    problem(offices.put(code, changed, headers={"If-Match": '"0"'}), 412)
    problem(offices.put(code, changed, headers={"If-None-Match": "*"}), 412)
    before = offices.tag(code)
    offices.change(code, **changed)
    assert offices.tag(code) != before


def test_the_same_again_changes_nothing(offices: Offices) -> None:
    code = offices.record("示例局")
    before = offices.tag(code)
    offices.change(code, names=[{"name": "示例局"}])
    assert offices.tag(code) == before
    assert offices.clerk.get(f"/v1/organisations/{code}/revisions")["total"] == 1


def test_its_history_says_who_why_and_what(offices: Offices) -> None:
    code = offices.record("示例局")
    offices.change(code, names=[{"name": "示例局"}], level="city")
    page = offices.clerk.get(f"/v1/organisations/{code}/revisions")
    latest, first = page["items"]
    assert (latest["noun"], latest["id"], latest["app"], latest["action"]) == ("organisation", code, None, "change")
    assert latest["reason"] == "示例变更"
    assert latest["difference"] == [{"op": "add", "path": "/level", "value": "city"}]
    assert (first["action"], first["difference"]) == ("register", None)
    full = offices.clerk.get(f"/v1/organisations/{code}/revisions/{latest['revision']}")
    assert full["after"] == {**full["before"], "level": "city"}
    changes = offices.clerk.get("/v1/changes", since=first["revision"] - 1, noun="organisation")["items"]
    assert [each["id"] for each in changes] == [code, code]


def test_names_hold_from_day_to_day_and_former_ones_are_found(offices: Offices) -> None:
    code = new_code()
    former, present = f"示例旧局{code}", f"示例新局{code}"
    names = [{"name": former}, {"name": present, "from_on": "2018-03-13"}]
    offices.clerk.done(offices.put(code, {"names": names}), 201)
    assert offices.get(code)["name"] == present
    assert offices.get(code, on="2018-03-12")["name"] == former
    assert offices.get(code, on="2018-03-13")["name"] == present
    for part in (former, present, f"旧局{code}".upper()):
        found = offices.clerk.get("/v1/organisations", name=part)
        assert [each["code"] for each in found["items"]] == [code]


def test_the_way_to_the_root_is_that_of_the_day(offices: Offices) -> None:
    old, new = offices.record("示例旧部"), offices.record("示例新部")
    bureau = offices.record("示例司", parents=[{"organisation": old}, {"organisation": new, "from_on": "2023-10-25"}])
    unit = offices.record("示例中心", parents=[{"organisation": bureau}])
    assert [each["code"] for each in offices.path(unit)] == [unit, bureau, new]
    assert [each["code"] for each in offices.path(unit, on="2023-10-24")] == [unit, bureau, old]
    for on, above in (("2023-10-25", new), ("2023-10-24", old)):
        assert offices.codes(under=above, on=on) == sorted([unit, bureau])
        assert offices.codes(parent=above, on=on) == [bureau]
    assert offices.codes(under=old) == []
    assert unit not in offices.codes(root="true", limit="1000")
    assert {old, new} <= set(offices.codes(root="true", limit="1000"))


def test_the_past_is_as_it_was_recorded(offices: Offices) -> None:
    old, new = offices.record("示例旧部"), offices.record("示例新部")
    unit = offices.record("示例中心", parents=[{"organisation": old}])
    before = offices.clerk.get("/v1/organisations", under=old)["revision"]
    offices.change(unit, names=[{"name": "示例中心"}], parents=[{"organisation": new}])
    assert [each["code"] for each in offices.path(unit)] == [unit, new]
    assert [each["code"] for each in offices.path(unit, as_of=str(before))] == [unit, old]
    assert offices.codes(under=old, as_of=str(before)) == [unit]
    assert offices.codes(under=old) == []
    assert offices.get(unit, as_of=str(before))["above"] == old
    early = {"as_of": str(offices.get(old)["revision"])}
    problem(offices.clerk.http.get(f"/v1/organisations/{unit}", params=early), 404)


def test_a_merger_leads_on_to_the_other_one(offices: Offices) -> None:
    into = offices.record("示例新部")
    other = offices.record("示例旧部")
    unit = offices.record("示例中心", parents=[{"organisation": other}])
    offices.change(other, names=[{"name": "示例旧部"}], ended_on="2023-10-25", merged_into=into)
    way = offices.path(unit)
    assert [(each["code"], each["by_merger"]) for each in way] == [(unit, False), (other, False), (into, True)]
    assert [each["code"] for each in offices.path(unit, on="2023-10-24")] == [unit, other]
    assert offices.get(other)["is_ended"]
    assert not offices.get(other, on="2023-10-24")["is_ended"]
    assert other not in offices.codes(under=into)
    assert offices.codes(under=into, ended="only") == [other]


TOMORROW = (date.today() + timedelta(days=2)).isoformat()  # noqa: DTZ011 - the day after that of any time zone


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({"names": []}, "/names"),
        ({"names": [{"name": "示例局", "from_on": TOMORROW}]}, "/names/0/from_on"),
        ({"names": [{"name": "甲"}, {"name": "乙"}]}, "/names/1/from_on"),
        (
            {"names": [{"name": "甲", "from_on": "2020-01-02"}, {"name": "乙", "from_on": "2020-01-02"}]},
            "/names/1/from_on",
        ),
        ({"parents": [{"organisation": "ITSELF"}]}, "/parents/0/organisation"),
        ({"parents": [{"organisation": None}, {"organisation": None}]}, "/parents/1/from_on"),
        ({"ended_on": TOMORROW}, "/ended_on"),
        ({"ended_on": "2019-12-31", "names": [{"name": "甲", "from_on": "2020-01-01"}]}, "/ended_on"),
        ({"merged_into": "ITSELF", "ended_on": "2020-01-01"}, "/merged_into"),
        ({"merged_into": "11100000000013127D"}, "/ended_on"),
        ({"division": "320504"}, "/division"),
        ({"level": "nation"}, "/level"),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_place(offices: Offices, said: dict[str, Any], pointer: str) -> None:
    code = new_code()
    body = copy.deepcopy({"names": [{"name": "示例局"}], **said})
    for part in (body, *body.get("parents", ())):
        part.update({name: code for name, value in part.items() if value == "ITSELF"})
    problem(offices.put(code, body), 422, pointer)


def test_a_division_that_is_no_more_is_told_with_what_came_after(offices: Offices) -> None:
    """沧浪区 (320502) was merged into 姑苏区 (320508) in 2012."""
    told = problem(offices.put(new_code(), {"names": [{"name": "示例局"}], "division": "320502"}), 422, "/division")
    (fault,) = told["errors"]
    assert "沧浪区" in fault["detail"]
    assert "320508（姑苏区）" in fault["remedy"]
    ended = {"names": [{"name": "示例局"}], "division": "320502", "ended_on": "2011-06-30"}
    offices.clerk.done(offices.put(new_code(), ended), 201)


def test_those_above_must_be_recorded(offices: Offices) -> None:
    body = {"names": [{"name": "示例局"}], "parents": [{"organisation": new_code()}]}
    problem(offices.put(new_code(), body), 409, "/parents/0/organisation")
    merged = {"names": [{"name": "示例局"}], "ended_on": "2020-01-01", "merged_into": new_code()}
    problem(offices.put(new_code(), merged), 409, "/merged_into")


def test_a_cycle_is_refused_on_whatever_day_it_would_be(offices: Offices) -> None:
    top = offices.record("示例部")
    middle = offices.record("示例司", parents=[{"organisation": top}, {"organisation": None, "from_on": "2020-01-01"}])
    unit = offices.record("示例中心", parents=[{"organisation": middle}])

    def below_unit(*days: tuple[str | None, str | None]) -> Any:  # noqa: ANN401 - an answer
        parents = [{"organisation": above, "from_on": day} for day, above in days]
        body = {"names": [{"name": "示例部"}], "parents": parents}
        return offices.put(top, body, headers={"If-Match": offices.tag(top)})

    told = problem(below_unit((None, unit)), 409, "/parents")
    assert f"{top} → {unit} → {middle} → {top}" in told["errors"][0]["detail"]
    problem(below_unit((None, None), ("2019-12-31", unit)), 409, "/parents")
    # From the day on which the one in the middle stands below it no more, it may stand below.
    offices.clerk.done(below_unit((None, None), ("2020-01-01", unit)))
    assert [each["code"] for each in offices.path(top)] == [top, unit, middle]


def test_a_merger_into_one_of_its_own_units_is_a_cycle(offices: Offices) -> None:
    top = offices.record("示例部")
    unit = offices.record("示例中心", parents=[{"organisation": top}])
    body = {"names": [{"name": "示例部"}], "ended_on": "2024-01-01", "merged_into": unit}
    problem(offices.put(top, body, headers={"If-Match": offices.tag(top)}), 409, "/parents")


def test_pages_are_of_one_list_and_keep_their_filter(offices: Offices) -> None:
    top = offices.record("示例部")
    units = sorted(offices.record(f"示例中心{n}", parents=[{"organisation": top}]) for n in range(5))
    first = offices.clerk.get("/v1/organisations", under=top, limit=2)
    offices.record("示例中心五", parents=[{"organisation": top}])
    found, page = [each["code"] for each in first["items"]], first
    while page["next"]:
        page = offices.clerk.get("/v1/organisations", under=top, limit=2, cursor=page["next"])
        assert (page["revision"], page["total"]) == (first["revision"], 5)
        found += [each["code"] for each in page["items"]]
    assert found == units
    problem(offices.clerk.http.get("/v1/organisations", params={"cursor": first["next"]}), 400)


def test_only_the_keeper_of_the_registry_records_organisations(database: Database) -> None:
    """A sponsor who could write the tree would choose their own department."""
    from services.registry.main import create_service  # noqa: PLC0415 - for its document alone

    document = create_service().openapi()
    assert document["paths"]["/v1/organisations/{code}"]["put"]["x-scope"] == "admin"
    assert database.today() >= date(2024, 1, 1)
