"""The table of the life cycle: what it must hold, and what moves and manifests may do along it."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any, get_args

import orjson
import pytest

from services.manifest.model import Manifest
from services.manifest.terms import Stage
from services.registry.life_cycle import MOVES, Move, State, moved, moves_from, require_move, require_put, state_of
from services.registry.refusals import ConflictError, ForbiddenError, RefusedError
from services.registry.tables import Action, App
from services.web import SCOPES, Scope
from tests import world

TODAY = date(2026, 3, 1)
ALL = frozenset(SCOPES)


def app(state: State) -> App:
    stage = {State.UNDECLARED: None, State.RETURNED: "proposed", State.WITHDRAWN: "online"}.get(state, str(state))
    row = App(id="app-1", since=3, registered=1, stated=1, hash="sha256:0", stage=stage, is_withdrawn=False)
    row.is_returned, row.is_withdrawn = state is State.RETURNED, state is State.WITHDRAWN
    return row


def text(**fields: Any) -> str:  # noqa: ANN401 - any field of a manifest
    return orjson.dumps({"manifest": "1", "id": "app-1", **fields}).decode()


def manifest(**fields: Any) -> Manifest:  # noqa: ANN401 - any field of a manifest
    return world.manifest({"id": "app-1", **fields})


def move(start: State, to: State) -> Move:
    return require_move(app(start), to, ALL)


class TestTheTable:
    def test_it_has_each_pair_of_states_once_and_knows_every_stage(self) -> None:
        assert len({(each.start, each.to) for each in MOVES}) == len(MOVES)
        assert {*Stage} | {"undeclared", "returned", "withdrawn"} == {*State}

    def test_every_state_can_be_reached_and_only_withdrawal_is_final(self) -> None:
        reached = {State.UNDECLARED}
        while more := {each.to for each in MOVES if each.start in reached} - reached:
            reached |= more
        assert reached == {*State}
        assert [state for state in State if not moves_from(state)] == [State.WITHDRAWN]

    @pytest.mark.parametrize("each", MOVES, ids=lambda each: f"{each.start}-{each.to}")
    def test_every_move_names_a_scope_and_a_day_that_there_is(self, each: Move) -> None:
        assert each.scope in get_args(Scope)
        assert each.day is None or each.day in Manifest.model_fields
        assert each.start != each.to

    def test_nothing_is_approved_but_against_a_receipt_or_by_an_authority(self) -> None:
        into = [each for each in MOVES if each.to is State.APPROVED]
        assert {each.scope for each in into} == {"approve"}
        assert [each.start for each in into if not each.needs_receipt] == [State.UNDECLARED]
        assert not any(each.needs_receipt for each in MOVES if each.to is not State.APPROVED)

    def test_no_way_leads_from_a_proposal_past_its_approval(self) -> None:
        reached, left = {State.PROPOSED}, [State.PROPOSED]
        while left:
            found = {each.to for each in moves_from(left.pop()) if each.to is not State.APPROVED} - reached
            reached |= found
            left += found
        assert reached == {State.PROPOSED, State.RETURNED, State.WITHDRAWN}


@pytest.mark.parametrize("state", State)
def test_the_state_of_an_app_is_its_stage_unless_it_was_returned_or_withdrawn(state: State) -> None:
    assert state_of(app(state)) is state


def test_what_is_not_registered_has_declared_nothing() -> None:
    assert state_of(None) is State.UNDECLARED


@pytest.mark.parametrize(("start", "to"), [*itertools.product(State, State)])
def test_a_pair_that_is_not_in_the_table_is_refused(start: State, to: State) -> None:
    listed = [each for each in MOVES if (each.start, each.to) == (start, to)]
    if listed and not listed[0].is_declaration:
        assert require_move(app(start), to, ALL) is listed[0]
        with pytest.raises(ForbiddenError):
            require_move(app(start), to, ALL - {listed[0].scope})
        return
    with pytest.raises(ConflictError) as refused:
        require_move(app(start), to, ALL)
    assert refused.value.objections[0].place == "/to"


class TestManifests:
    @pytest.mark.parametrize("stage", Stage)
    def test_what_runs_already_is_registered_and_only_an_authority_says_that_something_is_approved(
        self, stage: Stage
    ) -> None:
        for current in (None, app(State.UNDECLARED)):
            require_put(current, manifest(stage=stage), {"write", "approve"})
            if stage is Stage.APPROVED:
                with pytest.raises(ForbiddenError, match="approve"):
                    require_put(current, manifest(stage=stage), {"write", "admin"})
            else:
                require_put(current, manifest(stage=stage), {"write"})

    @pytest.mark.parametrize("state", [each for each in State if each is not State.WITHDRAWN])
    def test_it_may_leave_the_stage_as_it_is(self, state: State) -> None:
        require_put(app(state), manifest(stage=app(state).stage), set())

    @pytest.mark.parametrize(
        ("state", "fields", "place"),
        [
            (State.PROPOSED, {"stage": "approved"}, "/stage"),
            (State.PROPOSED, {"stage": "building", "begun_on": "2026-01-01"}, "/stage"),
            (State.PROPOSED, {"stage": "online", "online_on": "2026-01-01"}, "/stage"),
            (State.PROPOSED, {}, "/stage"),
            (State.RETURNED, {"stage": "approved"}, "/stage"),
            (State.ONLINE, {}, "/stage"),
            (State.ONLINE, {"stage": "proposed"}, "/stage"),
            (State.RETIRED, {"stage": "online", "online_on": "2026-01-01"}, "/stage"),
            (State.APPROVED, {"stage": "building"}, "/begun_on"),
            (State.BUILDING, {"stage": "online"}, "/online_on"),
            (State.ONLINE, {"stage": "retiring"}, "/retire_on"),
            (State.ONLINE, {"stage": "retired"}, "/retired_on"),
        ],
    )
    def test_it_may_not_move_the_stage_otherwise(self, state: State, fields: dict[str, str], place: str) -> None:
        with pytest.raises(ConflictError) as refused:
            require_put(app(state), manifest(**fields), ALL)
        assert [each.place for each in refused.value.objections] == [place]

    @pytest.mark.parametrize(
        ("state", "fields"),
        [
            (State.APPROVED, {"stage": "building", "begun_on": "2026-01-01"}),
            (State.BUILDING, {"stage": "online", "online_on": "2026-01-01"}),
            (State.ONLINE, {"stage": "retiring", "retire_on": "2027-01-01"}),
            (State.RETIRING, {"stage": "online"}),
            (State.RETIRING, {"stage": "retired", "retired_on": "2026-01-01"}),
        ],
    )
    def test_it_may_make_a_move_that_needs_no_receipt_with_its_day(self, state: State, fields: dict[str, str]) -> None:
        require_put(app(state), manifest(**fields), {"write"})


class TestMoving:
    @pytest.mark.parametrize(
        ("start", "to", "day"),
        [
            (State.APPROVED, State.BUILDING, "begun_on"),
            (State.BUILDING, State.ONLINE, "online_on"),
            (State.BUILDING, State.RETIRED, "retired_on"),
            (State.ONLINE, State.RETIRED, "retired_on"),
            (State.RETIRING, State.RETIRED, "retired_on"),
        ],
    )
    def test_the_stage_and_its_day_change_and_nothing_else(self, start: State, to: State, day: str) -> None:
        before = text(stage=start, name="示例应用")
        for on, expected in ((None, TODAY), (date(2026, 2, 1), date(2026, 2, 1)), (TODAY, TODAY)):
            after = moved(before, move(start, to), on, TODAY)
            assert after == manifest(stage=to, name="示例应用", **{day: expected.isoformat()})

    def test_a_day_that_is_declared_already_stays_unless_another_is_given(self) -> None:
        before = text(stage="approved", begun_on="2026-01-15")
        begin = move(State.APPROVED, State.BUILDING)
        assert moved(before, begin, None, TODAY).begun_on == date(2026, 1, 15)
        assert moved(before, begin, date(2026, 2, 1), TODAY).begun_on == date(2026, 2, 1)

    def test_a_plan_needs_its_day_which_may_lie_ahead_and_goes_with_the_plan(self) -> None:
        phase_out, keep = move(State.ONLINE, State.RETIRING), move(State.RETIRING, State.ONLINE)
        with pytest.raises(RefusedError) as refused:
            moved(text(stage="online"), phase_out, None, TODAY)
        assert refused.value.objections[0].place == "/on"
        planned = moved(text(stage="online"), phase_out, date(2027, 1, 1), TODAY)
        assert planned == manifest(stage="retiring", retire_on="2027-01-01")
        kept = moved(text(stage="retiring", retire_on="2027-01-01", online_on="2025-01-01"), keep, None, TODAY)
        assert kept == manifest(stage="online", online_on="2025-01-01")

    @pytest.mark.parametrize(
        ("start", "to", "fields", "on", "said"),
        [
            (State.APPROVED, State.BUILDING, {}, date(2026, 3, 2), "lies after today"),
            (State.APPROVED, State.BUILDING, {"begun_on": "2026-03-02"}, None, "lies after today"),
            (State.BUILDING, State.ONLINE, {"begun_on": "2026-02-01"}, date(2026, 1, 1), "before"),
            (State.PROPOSED, State.RETURNED, {}, TODAY, "no day"),
            (State.PROPOSED, State.APPROVED, {}, TODAY, "no day"),
        ],
    )
    def test_a_day_that_cannot_be_is_refused(
        self, start: State, to: State, fields: dict[str, str], on: date | None, said: str
    ) -> None:
        with pytest.raises(RefusedError, match=said) as refused:
            moved(text(stage=app(start).stage, **fields), move(start, to), on, TODAY)
        assert {each.place for each in refused.value.objections} == {"/on"}

    def test_what_is_returned_is_a_proposal_still(self) -> None:
        for start in (State.PROPOSED, State.APPROVED):
            assert moved(text(stage=start), move(start, State.RETURNED), None, TODAY) == manifest(stage="proposed")
        resubmit = move(State.RETURNED, State.PROPOSED)
        assert moved(text(stage="proposed"), resubmit, None, TODAY) == manifest(stage="proposed")

    def test_a_manifest_that_is_no_longer_sound_has_to_be_corrected_first(self) -> None:
        broken = text(stage="approved", regions=["778899"])
        with pytest.raises(RefusedError) as refused:
            moved(broken, move(State.APPROVED, State.BUILDING), None, TODAY)
        assert [each.place for each in refused.value.objections] == ["{id}"]


def test_every_move_has_a_name_of_its_own_in_the_history() -> None:
    from_each = [(each.start, each.action) for each in MOVES if not each.is_declaration]
    assert len(set(from_each)) == len(from_each)
    assert {each.action for each in MOVES} < {*Action}
