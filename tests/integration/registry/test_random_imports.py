"""Random files, in random order with single writes between: the registry is what a plain dict of manifests says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.registry.store import bulk
from tests.integration.registry.clerk import Clerk, manifest, new_id
from tests.integration.registry.importing import Desk, Halt, halting, lines

if TYPE_CHECKING:
    from starlette.testclient import TestClient

    from services.registry.store.database import Database

APPS = st.integers(0, 4)
NAMES = st.sampled_from(["甲", "乙", "丙"])
ROWS = st.lists(st.tuples(APPS, NAMES, st.sampled_from((True, True, False))), min_size=1, max_size=7)
Rows = list[tuple[int, str, bool]]
Between = list[tuple[str, int, str]]
BETWEEN = st.lists(st.tuples(st.sampled_from(["put", "withdraw"]), APPS, NAMES), max_size=3)
FILES = st.lists(st.tuples(ROWS, BETWEEN, st.booleans(), st.integers(0, 9)), min_size=1, max_size=4)


class Model:
    """The apps as a plain dict: the name of each, None for one that was withdrawn."""

    def __init__(self) -> None:
        self.mark = new_id()
        self.names: dict[str, str | None] = {}

    def id(self, number: int) -> str:
        return f"{self.mark}-{number}"

    def verdicts(self, rows: Rows) -> list[str]:
        """Say what becomes of each row when the names are as they are."""
        seen: set[int] = set()
        said = []
        for number, name, is_sound in rows:
            app = self.id(number)
            if not is_sound or number in seen or (app in self.names and self.names[app] is None):
                said.append("rejected")
            elif app not in self.names:
                said.append("created")
            else:
                said.append("unchanged" if self.names[app] == name else "changed")
            if is_sound:
                seen.add(number)
        return said


def document(app: str, name: str, is_sound: bool) -> dict[str, Any]:  # noqa: FBT001 - it stands for its name
    return manifest(app, name=name) if is_sound else manifest(app, name=name, level="没有这个字段")


def done_between(model: Model, clerk: Clerk, between: Between) -> set[str]:
    """Do single writes, and give the apps they touched."""
    touched = set()
    for deed, number, name in between:
        app = model.id(number)
        if app in model.names and model.names[app] is None:
            continue
        if deed == "withdraw" and app in model.names:
            clerk.withdraw(app)
            model.names[app] = None
            touched.add(app)
        elif deed == "put" and app not in model.names:
            clerk.register(id=app, name=name)
            model.names[app] = name
            touched.add(app)
        elif deed == "put" and model.names[app] != name:
            clerk.change(app, name=name)
            model.names[app] = name
            touched.add(app)
    return touched


@given(FILES)
@settings(max_examples=12, suppress_health_check=list(HealthCheck))
def test_the_registry_is_what_the_files_say(
    http: TestClient, database: Database, files: list[tuple[Rows, Between, bool, int]]
) -> None:
    desk, clerk, model = Desk(http, database), Clerk(http), Model()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "BATCH", 2)
        for rows, between, is_whole, dies_after in files:
            _import(desk, clerk, model, rows, between, is_whole=is_whole, dies_after=dies_after)
    for app, name in model.names.items():
        found = clerk.get(f"/v1/apps/{app}")
        assert (found["withdrawn_at"] is not None) == (name is None)
        assert name is None or found["manifest"]["name"] == name


def _import(
    desk: Desk,
    clerk: Clerk,
    model: Model,
    rows: Rows,
    between: Between,
    *,
    is_whole: bool,
    dies_after: int,
) -> None:
    content = lines(document(model.id(number), name, is_sound) for number, name, is_sound in rows)
    id = desk.send(content, "all_or_nothing" if is_whole else "per_row")
    _work(desk, id, dies_after)
    said = model.verdicts(rows)
    assert [row["outcome"] for row in desk.rows(id)] == said
    touched = done_between(model, clerk, between)
    reached = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    tag = desk.etag(id)
    answer = desk.http.post(f"/v1/imports/{id}/apply", headers={"If-Match": tag})
    if is_whole and "rejected" in said:
        assert answer.status_code == 409
        return
    _work(desk, id, dies_after)
    wanted = {
        model.id(number): name
        for (number, name, _), verdict in zip(rows, said, strict=True)
        if verdict in {"created", "changed"}
    }
    conflicts = {app for app, name in wanted.items() if app in touched and model.names[app] != name}
    told = desk.get(id)
    written = (
        {}
        if is_whole and conflicts
        else {app: name for app, name in wanted.items() if app not in conflicts and model.names.get(app) != name}
    )
    assert told["state"] == ("refused" if is_whole and conflicts else "applied")
    assert told["written"] == len(written)
    assert {row["app"] for row in desk.rows(id, "rejected")} >= conflicts
    assert clerk.get("/v1/changes", since=0, limit=1)["revision"] == reached + len(written)
    model.names.update(written)


def _work(desk: Desk, id: str, dies_after: int) -> None:
    """Let the work be killed once, if it lasts that long, and then be done."""
    try:
        desk.work(id, halting(dies_after))
    except Halt:
        desk.work(id)
