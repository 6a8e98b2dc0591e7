"""The index follows the registry: at the same registry revision, reports from it are the registry's, byte by byte."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from benchmarks import nation
from services.audit.checks import UnknownApp
from services.audit.following import Following, State
from services.audit.formats import json as json_format
from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from tests.integration.registry import following
from tests.integration.registry.clerk import new_id
from tests.integration.registry.doings import Doings
from tests.integration.registry.following import Line, checking, until

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from services.audit.checks import Checks
    from tests.integration.registry.clerk import Clerk

ON = nation.JUDGED_ON


@pytest.fixture
def line(http: TestClient) -> Line:
    return Line(http)


async def reports(checks: Checks, apps: list[str], revision: int) -> None:
    """Hold the reports from the index against those of the registry itself."""
    assert checks.following is not None
    until(lambda: checks.following is not None and checks.following.standing().revision == revision)
    for app in apps:
        index, live = [await checks.check_fresh(app, ON, most) for most in (60, 0)]
        assert (index.lag_s is None, live.lag_s is None) == (False, True), app
        assert json_format.render(index.report) == json_format.render(live.report)
        assert index.report.revision == revision


def run(doing: Coroutine[Any, Any, None]) -> None:
    asyncio.run(doing)


def newest(clerk: Clerk) -> int:
    revision: int = clerk.get("/v1/changes", since=0, limit=1)["revision"]
    return revision


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_reports_from_the_index_are_those_of_the_registry(line: Line, clerk: Clerk, seed: int) -> None:
    doings = Doings(clerk, random.Random(seed))

    async def follow() -> None:
        for _ in range(3):
            doings.do()
        async with checking(line) as checks:
            for _ in range(4):
                for _ in range(3):
                    doings.do()
                await reports(checks, doings.apps, newest(clerk))

    run(follow())


def test_a_registry_that_is_away_is_waited_for_and_the_lag_is_told(line: Line, clerk: Clerk) -> None:
    app = clerk.register()

    async def follow() -> None:
        async with checking(line) as checks:
            followed = checks.following
            assert followed is not None
            line.is_cut = True
            until(lambda: followed.standing().state == State.WAITING)
            before = followed.standing().lag_s or 0
            until(lambda: (followed.standing().lag_s or 0) > before + 0.2)
            assert (await checks.check_fresh(app, ON, 60)).lag_s is not None
            line.is_cut = False
            clerk.change(app, name="示例改名")
            until(lambda: followed.standing().revision == newest(clerk))
            assert (await checks.check_fresh(app, ON, 60)).report.name == "示例改名"
            assert followed.standing().reason is None

    run(follow())


def test_an_index_that_lags_too_much_is_not_asked(line: Line, clerk: Clerk) -> None:
    app = clerk.register()

    async def follow() -> None:
        async with checking(line) as checks:
            followed = checks.following
            assert followed is not None
            line.is_cut = True
            until(lambda: followed.standing().state == State.WAITING)
            lag_s = followed.standing().lag_s or 0
            until(lambda: (followed.standing().lag_s or 0) > lag_s)
            line.is_cut = False
            assert (await checks.check_fresh(app, ON, lag_s / 1e6)).lag_s is None

    run(follow())


def test_an_app_that_is_not_at_hand_is_asked_of_the_registry(line: Line, clerk: Clerk) -> None:
    clerk.register()

    async def follow() -> None:
        async with checking(line) as checks:
            with pytest.raises(UnknownApp):
                await checks.check_fresh(new_id(), ON, 60)

    run(follow())


def test_a_gap_that_is_too_wide_is_closed_by_a_snapshot(line: Line, clerk: Clerk) -> None:
    async def follow() -> None:
        async with checking(line, most_behind=1) as checks:
            line.is_cut = True
            followed = checks.following
            assert followed is not None
            until(lambda: followed.standing().state == State.WAITING)
            apps = [clerk.register() for _ in range(4)]
            line.is_cut = False
            await reports(checks, apps, newest(clerk))

    run(follow())


def test_another_registry_in_its_place_is_noticed(line: Line, clerk: Clerk, tmp_path: Path) -> None:
    app = clerk.register()
    other = RegistrySettings.model_validate({"database_url": f"sqlite:///{tmp_path / 'other.db'}"})

    async def follow() -> None:
        with TestClient(create_service(other), base_url="http://registry.test") as elsewhere:
            async with checking(line) as checks:
                followed = checks.following
                assert followed is not None
                line.http = elsewhere
                until(lambda: followed.standing().revision == 0)
                with pytest.raises(UnknownApp):
                    await checks.check_fresh(app, ON, 60)

    run(follow())


def test_what_is_watched_is_a_number_before_there_is_an_index(line: Line) -> None:
    gauges = Following(following.settings(), line.streams).gauges()
    assert all(value() != value() or value() == 0 for _, value in gauges.values())
