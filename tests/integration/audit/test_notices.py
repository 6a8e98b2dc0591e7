"""Notices of rectification: on everything a sponsor has to rectify, with dates, printed and recorded."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import html5lib
import pytest

from services.audit.clock import today
from tests.integration.audit.inspector import PERSON, PLAN, Inspector, check_in, done, forced

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from tests.integration.audit.conftest import Registry

DUE = (today() + timedelta(days=20)).isoformat()
SOONER = (today() + timedelta(days=5)).isoformat()
LATER = (today() + timedelta(days=90)).isoformat()


def of_sponsor(sponsor: str, mark: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any field of a manifest
    document = forced(mark, **fields)
    document["sponsor"]["name"] = sponsor
    return document


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_notice_orders_all_there_is_and_sets_the_date(http: TestClient, registry: Registry, lang: str) -> None:
    inspector = Inspector(http, {})
    sponsor = f"示例<b>通知</b>中心{lang}"
    first, second = of_sponsor(sponsor, "甲"), of_sponsor(sponsor, "乙", name="<script>alert(1)</script>")
    second["features"].append(check_in("roll-call"))
    for document in (first, second):
        registry.register(document)
        inspector.audit(document["id"])
    found = inspector.findings(sponsor=sponsor)
    assert len(found) == 3
    for finding, due_on in zip(found[:2], (SOONER, LATER), strict=True):
        inspector.moved(finding["id"], "acknowledged")
        inspector.moved(finding["id"], "rectifying", **PLAN, due_on=due_on)

    asked = {"sponsor": sponsor, "issuer": "示例网信办", "due_on": DUE, "document": "示整〔2026〕1号", "lang": lang}
    answer = http.post("/v1/notices", json=asked)
    notice = done(answer, 201)
    assert (notice["findings"], notice["document"], notice["due_on"]) == (3, "示整〔2026〕1号", DUE)
    # An earlier date stands, a later one is brought forward, and where there was none there is one now.
    assert [each["due_on"] for each in inspector.findings(sponsor=sponsor)] == [SOONER, DUE, DUE]
    assert inspector.history(found[0]["id"])[-1]["said"] == {"notice": notice["id"], "due_on": SOONER}

    page = http.get(answer.headers["Location"])
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "sandbox" in page.headers["Content-Security-Policy"]
    assert page.headers["Content-Disposition"] == f'inline; filename="{notice["id"]}.html"'
    html5lib.HTMLParser(strict=True).parse(page.text)
    assert "<script>" not in page.text
    assert "<b>" not in page.text
    for said in (*(each["id"] for each in found), "示整〔2026〕1号", SOONER, "13.7a", "&lt;script&gt;"):
        assert said in page.text
    # It is what was sent, whatever comes after.
    mended = copy.deepcopy(first)
    mended["stage"], mended["retired_on"] = "retired", today().isoformat()
    registry.register(mended)
    inspector.audit(first["id"])
    assert http.get(answer.headers["Location"]).text == page.text
    again = done(http.post("/v1/notices", json=asked), 201)
    assert again["findings"] == 2
    listed = done(http.get("/v1/notices", params={"sponsor": sponsor, "limit": 1}))
    assert (listed["total"], [each["id"] for each in listed["items"]]) == (2, [again["id"]])
    rest = done(http.get("/v1/notices", params={"sponsor": sponsor, "limit": 1, "cursor": listed["next"]}))
    assert (rest["items"], rest["next"]) == ([notice], None)


def test_what_was_observed_is_ordered_too(http: TestClient, registry: Registry) -> None:
    document = of_sponsor("示例核查中心", "丙")
    document["features"][1] |= {"forced": False, "all_users": False, "decline": {"how": "可不签到", "costs": []}}
    _, revision = registry.register(document)
    observed = {
        "app": document["id"],
        "revision": revision,
        "place": "/features/1/forced",
        "observed": True,
        "observed_on": today().isoformat(),
        "person": PERSON,
        "basis": "示例检查笔录",
    }
    attestation = done(http.post("/v1/attestations", json=observed), 201)
    asked = {"sponsor": "示例核查中心", "issuer": "示例网信办", "due_on": DUE}
    answer = http.post("/v1/notices", json=asked)
    assert done(answer, 201)["findings"] == 1
    page = http.get(answer.headers["Location"]).text
    html5lib.HTMLParser(strict=True).parse(page)
    assert attestation["finding"] in page
    assert "核查发现实际与声明不符" in page


def test_it_is_refused_without_anything_to_order_or_after_its_date(http: TestClient) -> None:
    asked = {"sponsor": "示例没有问题的单位", "issuer": "示例网信办", "due_on": DUE}
    answer = http.post("/v1/notices", json=asked)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (409, "/sponsor")
    past = http.post("/v1/notices", json={**asked, "due_on": "2020-01-01"})
    assert (past.status_code, past.json()["errors"][0]["pointer"]) == (422, "/due_on")
    assert http.get(f"/v1/notices/n-{'0' * 24}").status_code == 404
