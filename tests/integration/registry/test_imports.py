"""Imports: a file is read first, shows what it would change, and is then written, row by row or all or nothing."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select
from sqlmodel import col

from services.registry import sheets
from services.registry.import_tables import Import, ImportPart, Mode, State
from services.registry.sheets import Form
from services.registry.store import bulk, imports
from services.registry.store.database import Database
from tests.integration.registry.clerk import SPONSOR, Clerk, manifest, new_id, problem
from tests.integration.registry.importing import Desk, Halt, halting, lines, packed
from tests.integration.registry.offices import Offices

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from services.registry.settings import RegistrySettings

EXAMPLES = Path(__file__).parents[3] / "examples" / "imports"
FEATURE = {"id": "f", "name": "示例功能", "kind": "query"}


@pytest.fixture
def desk(http: TestClient, database: Database) -> Desk:
    return Desk(http, database)


def csv(text: str) -> bytes:
    return b"\xef\xbb\xbf" + text.encode()


# ---------------------------------------------------------------- the dry run


def test_a_dry_run_shows_every_outcome_and_writes_nothing(desk: Desk, clerk: Clerk) -> None:
    same, other, gone, new = clerk.register(), clerk.register(), clerk.register(), new_id()
    clerk.withdraw(gone)
    before = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    content = lines([manifest(same), manifest(other, name="另一个名称"), manifest(gone), manifest(new)]) + b"{\n"
    id = desk.dry_run(content)
    told = desk.get(id)
    assert told["state"] == "ready"
    assert told["form"] == "ndjson"
    assert told["size_bytes"] == len(content)
    counts = {name: told[name] for name in ("rows_read", "created", "changed", "unchanged", "rejected", "written")}
    assert counts == {"rows_read": 5, "created": 1, "changed": 1, "unchanged": 1, "rejected": 2, "written": 0}
    rows = desk.rows(id)
    assert [(row["app"], row["outcome"]) for row in rows] == [
        (same, "unchanged"),
        (other, "changed"),
        (gone, "rejected"),
        (new, "created"),
        (None, "rejected"),
    ]
    assert rows[1]["difference"] == [{"op": "replace", "path": "/name", "value": "另一个名称"}]
    assert rows[1]["base"] == int(clerk.etag(f"/v1/apps/{other}").strip('"'))
    assert "撤回" in rows[2]["problems"][0]["detail"]
    assert rows[4]["problems"][0]["place"].startswith("5:")
    assert [row["app"] for row in desk.rows(id, "rejected")] == [gone, None]
    assert clerk.get("/v1/changes", since=0, limit=1)["revision"] == before


def test_what_is_wrong_in_a_workbook_is_told_by_its_cell(desk: Desk) -> None:
    app = new_id()
    content = packed(Form.XLSX, manifest(app, features=[FEATURE]))
    damaged = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(damaged, "w") as written:
        for name in given.namelist():
            written.writestr(name, given.read(name).replace(b"9901", "九九".encode()))
    id = desk.dry_run(damaged.getvalue())
    [row] = desk.rows(id)
    assert row["outcome"] == "rejected"
    [wrong] = row["problems"]
    assert wrong["pointer"] == "/sponsor/division"
    assert wrong["place"].startswith("应用!")
    assert wrong["remedy"]
    in_english = desk.http.get(f"/v1/imports/{id}/rows", headers={"Accept-Language": "en"}).json()
    assert in_english["items"][0]["problems"][0]["detail"].isascii() or "division" in str(in_english)


@pytest.mark.parametrize("form", [Form.XLSX, Form.CSV, Form.NDJSON, Form.YAML])
def test_what_is_exported_and_sent_again_changes_nothing(desk: Desk, clerk: Clerk, form: Form) -> None:
    app = new_id()
    document = manifest(app, features=[FEATURE], regions=["9901"])
    told = desk.run(packed(form, document))
    assert (told["state"], told["created"], told["written"]) == ("applied", 1, 1)
    assert clerk.get(f"/v1/apps/{app}")["manifest"] == document
    again = desk.run(packed(form, document, revisions={app: clerk.get(f"/v1/apps/{app}")["revision"]}))
    assert (again["state"], again["unchanged"], again["written"]) == ("applied", 1, 0)
    assert clerk.get(f"/v1/apps/{app}/revisions")["total"] == 1


def test_what_was_changed_since_the_export_is_not_undone(desk: Desk, clerk: Clerk) -> None:
    app = clerk.register()
    exported = packed(
        Form.CSV, manifest(app, name="导出后改的"), revisions={app: clerk.change(app, name="甲")["revision"]}
    )
    clerk.change(app, name="乙")
    [row] = desk.rows(desk.dry_run(exported))
    assert row["outcome"] == "rejected"
    assert "登记号" in row["problems"][0]["detail"]


def test_a_column_that_the_file_lacks_leaves_what_is_registered(desk: Desk, clerk: Clerk) -> None:
    app, new = clerk.register(role="provincial_platform", sponsor={**SPONSOR, "level": "province"}), new_id()
    id = desk.dry_run(csv(f"标识,名称\n{app},改了的名称\n{new},新的应用\n"))
    rows = desk.rows(id)
    assert [row["outcome"] for row in rows] == ["changed", "created"]
    assert [each["path"] for each in rows[0]["difference"]] == ["/name"]
    assert any("/sponsor/level" in note["said"] for note in desk.get(id)["notes"])
    desk.apply(id)
    kept = clerk.get(f"/v1/apps/{app}")["manifest"]
    assert kept == manifest(
        app, name="改了的名称", role="provincial_platform", sponsor={**SPONSOR, "level": "province"}
    )


def test_a_file_that_cannot_be_read_says_why(desk: Desk) -> None:
    for content in (b"\xd0\xcf\x11\xe0rest", b"PAR1", b"PK\x03\x04 damaged", csv("甲,乙\n1,2\n")):
        told = desk.get(desk.dry_run(content))
        assert told["state"] == "unreadable"
        assert all(each["detail"] and each["remedy"] for each in told["problems"])
        assert told["problems"]


def test_hostile_files_are_refused_row_by_row_or_as_a_whole(desk: Desk) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("应用.csv", b"0" * (64 << 20))
    for content in (
        bomb.getvalue(),
        b'{"a":' * 2000 + b"\n",
        b'{"manifest":"1","id":"\\u0000"}\n',
        b'{"manifest":"1","id":"\\ud800"}\n',
        b"\x00\x01\x02",
        b"\xff" * 1000,
        b'{"manifest":"1","name":"' + b"x" * 300_000 + b'"}\n',
    ):
        told = desk.get(desk.dry_run(content))
        assert told["state"] == "unreadable" or (told["state"] == "ready" and told["rejected"] == told["rows_read"])


# ---------------------------------------------------------------- carrying it out


def test_row_by_row_what_can_be_written_is(desk: Desk, clerk: Clerk) -> None:
    app = new_id()
    told = desk.run(lines([manifest(app), manifest("X")]))
    assert (told["state"], told["written"], told["rejected"]) == ("applied", 1, 1)
    [revision] = clerk.get(f"/v1/apps/{app}/revisions")["items"]
    assert (revision["reason"], revision["action"]) == ("示例导入", "register")


def test_all_or_nothing_with_a_rejected_row_is_not_begun(desk: Desk, http: TestClient) -> None:
    app = new_id()
    id = desk.dry_run(lines([manifest(app), manifest("X")]), "all_or_nothing")
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)}), 409, "{id}")
    assert http.get(f"/v1/apps/{app}").status_code == 404
    assert desk.get(id)["state"] == "ready"


def test_all_or_nothing_writes_all(desk: Desk, clerk: Clerk) -> None:
    apps = [new_id() for _ in range(4)]
    told = desk.run(lines(map(manifest, apps)), "all_or_nothing")
    assert (told["state"], told["written"]) == ("applied", 4)
    revisions = [clerk.get(f"/v1/apps/{app}")["revision"] for app in apps]
    assert revisions == list(range(revisions[0], revisions[0] + 4))


def test_what_somebody_changed_after_the_dry_run_is_not_overwritten(desk: Desk, clerk: Clerk) -> None:
    changed, taken, free = clerk.register(), new_id(), new_id()
    content = lines([manifest(changed, name="导入的"), manifest(taken, name="导入的"), manifest(free)])
    id = desk.dry_run(content)
    clerk.change(changed, name="别人改的")
    clerk.register(id=taken, name="别人登记的")
    told = desk.apply(id)
    assert (told["state"], told["written"], told["rejected"]) == ("applied", 1, 2)
    assert clerk.get(f"/v1/apps/{changed}")["manifest"]["name"] == "别人改的"
    assert clerk.get(f"/v1/apps/{taken}")["manifest"]["name"] == "别人登记的"
    assert clerk.get(f"/v1/apps/{free}")["revision"]
    assert all("试运行之后" in row["problems"][0]["detail"] for row in desk.rows(id, "rejected"))


def test_one_conflict_refuses_all_or_nothing_as_a_whole(
    desk: Desk, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    changed, apps = clerk.register(), [new_id() for _ in range(5)]
    id = desk.dry_run(lines([*map(manifest, apps), manifest(changed, name="导入的")]), "all_or_nothing")
    clerk.change(changed, name="别人改的")
    before = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    told = desk.apply(id)
    assert (told["state"], told["written"], told["rejected"]) == ("refused", 0, 1)
    assert clerk.get("/v1/changes", since=0, limit=1)["revision"] == before
    assert [row["app"] for row in desk.rows(id, "rejected")] == [changed]
    assert all(clerk.http.get(f"/v1/apps/{app}").status_code == 404 for app in apps)


def test_more_than_may_be_written_at_once_is_not_begun(
    desk: Desk, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = http.app_state["desk"]
    monkeypatch.setattr(service, "settings", service.settings.model_copy(update={"max_all_or_nothing": 1}))
    id = desk.dry_run(lines([manifest(new_id()), manifest(new_id())]), "all_or_nothing")
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)}), 409, "{id}")


def test_a_grant_given_after_the_dry_run_is_heeded(desk: Desk, clerk: Clerk) -> None:
    app = clerk.register()
    id = desk.dry_run(lines([manifest(app, sponsor={"name": "示例市发展和改革局"})]))
    clerk.grant(app)
    told = desk.apply(id)
    assert (told["written"], told["rejected"]) == (0, 1)
    assert desk.rows(id)[0]["problems"][0]["pointer"] == "/sponsor"


def test_the_same_file_twice_changes_nothing(desk: Desk, clerk: Clerk) -> None:
    content = lines(manifest(new_id()) for _ in range(3))
    first, second = desk.dry_run(content), desk.dry_run(content)
    assert desk.apply(first)["written"] == 3
    before = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    told = desk.apply(second)  # its dry run was made before the first was carried out
    assert (told["written"], told["unchanged"]) == (0, 3)
    assert desk.run(content)["unchanged"] == 3
    assert clerk.get("/v1/changes", since=0, limit=1)["revision"] == before


def test_returned_proposals_stay_returned(desk: Desk, clerk: Clerk) -> None:
    app = clerk.register(stage="proposed")
    place = f"/v1/apps/{app}"
    said = {"to": "returned", "reason": "示例退回"}
    clerk.done(clerk.http.post(f"{place}/transitions", json=said, headers={"If-Match": clerk.etag(place)}))
    assert desk.run(lines([manifest(app, stage="proposed", name="补充后")]))["written"] == 1
    assert clerk.get(f"{place}/transitions")["state"] == "returned"


def test_stages_move_only_as_they_may(desk: Desk, clerk: Clerk) -> None:
    app = clerk.register(stage="proposed")
    [row] = desk.rows(desk.dry_run(lines([manifest(app, stage="approved")])))
    assert row["outcome"] == "rejected"
    assert row["problems"][0]["pointer"] == "/stage"


# ---------------------------------------------------------------- leaving it, and taking it up again


def test_a_cancelled_import_writes_nothing(desk: Desk, http: TestClient) -> None:
    app = new_id()
    id = desk.dry_run(lines([manifest(app)]))
    tag = desk.etag(id)
    for _ in range(2):
        assert http.post(f"/v1/imports/{id}/cancel").json()["state"] == "cancelled"
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": tag}), 412)
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)}), 409, "{id}")
    desk.work(id)
    assert http.get(f"/v1/apps/{app}").status_code == 404


def test_an_import_can_be_cancelled_while_it_is_read(desk: Desk, http: TestClient) -> None:
    id = desk.send(lines([manifest(new_id())]))
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)}), 409, "{id}")
    assert http.post(f"/v1/imports/{id}/cancel").json()["state"] == "cancelled"
    desk.work(id)
    assert desk.get(id)["rows_read"] == 0


def test_what_is_applied_cannot_be_cancelled_or_applied_again(desk: Desk, http: TestClient) -> None:
    told = desk.run(lines([manifest(new_id())]))
    problem(http.post(f"/v1/imports/{told['id']}/cancel"), 409, "{id}")
    tag = desk.etag(told["id"])
    problem(http.post(f"/v1/imports/{told['id']}/apply", headers={"If-Match": tag}), 409, "{id}")


def test_applying_needs_the_version_that_was_looked_at(desk: Desk, http: TestClient) -> None:
    id = desk.dry_run(lines([manifest(new_id())]))
    problem(http.post(f"/v1/imports/{id}/apply"), 428)
    problem(http.post(f"/v1/imports/{id}/apply", headers={"If-Match": '"0"'}), 412)


def test_applying_twice_under_one_key_is_applying_once(desk: Desk, clerk: Clerk) -> None:
    app = new_id()
    id = desk.dry_run(lines([manifest(app)]))
    headers = {"If-Match": desk.etag(id), "Idempotency-Key": f"key-{id}"}
    first = desk.http.post(f"/v1/imports/{id}/apply", headers=headers)
    desk.work(id)
    again = desk.http.post(f"/v1/imports/{id}/apply", headers=headers)
    assert (first.status_code, again.status_code) == (202, 202), again.text
    assert again.json() == first.json()
    assert clerk.get(f"/v1/apps/{app}/revisions")["total"] == 1


def test_reading_goes_on_where_it_was_killed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    apps = [new_id() for _ in range(7)]
    id = desk.send(lines([*map(manifest, apps), manifest(apps[0])]))
    for times in range(1, 4):
        with pytest.raises(Halt):
            desk.work(id, halting(times))
    desk.work(id)
    rows = desk.rows(id)
    assert [row["number"] for row in rows] == list(range(1, 9))
    assert [row["app"] for row in rows] == [*apps, apps[0]]
    assert [row["outcome"] for row in rows] == ["created"] * 7 + ["rejected"]


def test_applying_goes_on_where_it_was_killed(desk: Desk, clerk: Clerk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    apps = [new_id() for _ in range(7)]
    id = desk.dry_run(lines(map(manifest, apps)))
    assert desk.http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)}).status_code == 202
    for times in range(2, 4):
        with pytest.raises(Halt):
            desk.work(id, halting(times))
    assert 0 < desk.get(id)["written"] < 7
    desk.work(id)
    assert desk.get(id)["written"] == 7
    assert [clerk.get(f"/v1/apps/{app}/revisions")["total"] for app in apps] == [1] * 7


def test_cancelling_keeps_what_was_written_and_tells_how_much(
    desk: Desk, http: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    apps = [new_id() for _ in range(6)]
    id = desk.dry_run(lines(map(manifest, apps)))
    http.post(f"/v1/imports/{id}/apply", headers={"If-Match": desk.etag(id)})
    with pytest.raises(Halt):
        desk.work(id, halting(3))
    told = http.post(f"/v1/imports/{id}/cancel").json()
    desk.work(id)
    assert told["state"] == "cancelled"
    assert (
        sum(http.get(f"/v1/apps/{app}").status_code == 200 for app in apps)
        == told["written"]
        == desk.get(id)["written"]
    )


def test_the_newest_imports_are_listed_first(desk: Desk, http: TestClient) -> None:
    ids = [desk.send(lines([manifest(new_id())])) for _ in range(2)]
    assert [each["id"] for each in http.get("/v1/imports", params={"limit": 2}).json()["items"]] == ids[::-1]


def test_nothing_is_kept_of_a_file_that_is_empty_or_too_large(http: TestClient) -> None:
    said = {"reason": "示例", "mode": "per_row"}
    before = len(http.get("/v1/imports", params={"limit": 100}).json()["items"])
    problem(http.post("/v1/imports", params=said, content=b"", headers={"Content-Type": "text/csv"}), 400)
    assert len(http.get("/v1/imports", params={"limit": 100}).json()["items"]) == before


def test_the_template_without_apps_is_an_empty_import(desk: Desk) -> None:
    told = desk.run(b"".join(sheets.template(Form.XLSX)))
    assert (told["state"], told["rows_read"]) == ("applied", 0)


def test_the_example_files_show_every_outcome(desk: Desk) -> None:
    first = desk.dry_run((EXAMPLES / "apps.csv").read_bytes())
    assert [row["outcome"] for row in desk.rows(first)] == ["created", "created", "rejected"]
    [wrong] = desk.rows(first, "rejected")[0]["problems"]
    assert (wrong["place"][-2:], wrong["pointer"]) == ("F4", "/sponsor/division")
    assert desk.apply(first)["written"] == 2
    second = desk.dry_run((EXAMPLES / "apps.ndjson").read_bytes())
    assert [row["outcome"] for row in desk.rows(second)] == ["unchanged", "changed"]
    assert desk.apply(second)["written"] == 1


def test_what_is_over_is_forgotten_in_time_and_what_was_written_stays(
    desk: Desk, clerk: Clerk, settings: RegistrySettings
) -> None:
    app = new_id()
    over, waiting = desk.run(lines([manifest(app)]))["id"], desk.send(lines([manifest(new_id())]))
    now = desk.database.now()
    broken_off = Import(
        id=waiting[::-1],
        state=State.RECEIVING,
        mode=Mode.PER_ROW,
        reason="示例",
        sent_by="示例",
        scopes="write",
        created_at=now,
        began_at=now,
        changed_at=now,
    )
    imports.create(desk.database, broken_off)
    imports.receive(desk.database, broken_off.id, 0, b"{")
    later = Database(settings.database_url.get_secret_value(), now=lambda: now + timedelta(days=31))
    while imports.tidy(later, timedelta(days=30)):
        pass
    later.close()
    assert desk.http.get(f"/v1/imports/{over}").status_code == 404
    assert desk.get(waiting)["state"] == "reading"
    with desk.database.reading() as connection:
        left = connection.execute(select(col(ImportPart.import_id))).scalars().all()
    assert broken_off.id not in left
    assert waiting in left
    assert clerk.get(f"/v1/apps/{app}")["id"] == app


def test_an_import_moves_no_app_into_the_department_of_its_granter(desk: Desk, clerk: Clerk) -> None:
    offices, mark = Offices(clerk), new_id()
    above = offices.record(f"示例部{mark}")
    offices.record(f"示例信息中心{mark}", parents=[{"organisation": above}])
    app, other = clerk.register(), clerk.register()
    grant = clerk.grant(app, granter={"name": f"示例部{mark}"})
    sponsor = {"name": f"示例信息中心{mark}", "root_organ": "示例他部"}
    id = desk.dry_run(lines([manifest(app, sponsor=sponsor), manifest(other, sponsor=sponsor)]))
    done = desk.apply(id)
    assert (done["written"], done["rejected"]) == (1, 1)
    (row,) = desk.rows(id, "rejected")
    assert row["app"] == app
    assert grant["id"] in row["problems"][0]["detail"]
