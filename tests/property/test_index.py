"""The index answers as a plain search through all offers does, whatever was loaded and whatever the feed told since."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from services.audit.index import MOST_APPS, Index, IndexFull, Offered
from services.manifest import divisions
from services.manifest.neighbourhood import Facts, Neighbour, TieAnswer
from services.manifest.ties import Question, index_key

if TYPE_CHECKING:
    from collections.abc import Sequence

DIVISIONS = ("", "33", "34", "3307", "330783", "330784", "330783001", "330783001002", "330783001003", "98", "99")
TIES = ("item:code=a", "item:name=乙", "department:示例部", "sector:x", "platform:33", f"item:name={'长' * 400}")
IDS = ("a", "b", "c.1", "c-1", "z", "app-10", "app-9", "A")
FACTS = TypeAdapter(Facts)


@dataclass(frozen=True)
class Told:
    """What one app offers: its ties, everywhere it serves, with one fact that tells the app and its version."""

    app: str
    ties: tuple[str, ...]
    regions: tuple[str, ...]
    version: int

    @property
    def facts(self) -> bytes:
        """The facts as the registry writes them: a name that looks like them changes nothing."""
        name = f'{self.app} {self.version} "regions":["33","34"] ,"facts":'
        return orjson.dumps({"name": name, "regions": list(self.regions)}, option=orjson.OPT_SORT_KEYS)

    def offers(self) -> set[tuple[str, str]]:
        """Give tie and division of every offer."""
        return {(tie, division) for tie in self.ties for division in self.regions}


apps = st.builds(
    Told,
    st.sampled_from(IDS),
    st.lists(st.sampled_from(TIES), unique=True, max_size=4).map(lambda each: tuple(sorted(each))),
    st.lists(st.sampled_from(DIVISIONS), unique=True, min_size=1, max_size=4).map(lambda each: tuple(sorted(each))),
    st.integers(0, 2),
)
questions = st.lists(
    st.builds(
        Question,
        st.sampled_from((*TIES, "item:code=nobody")),
        st.lists(st.sampled_from(DIVISIONS), unique=True, min_size=1, max_size=3).map(tuple),
    ),
    max_size=4,
)


def snapshot(stood: Sequence[Told]) -> list[bytes]:
    """Give the lines of a snapshot of what some apps offer, in the order in which they began."""
    return [
        orjson.dumps(
            {"tie": index_key(tie), "division": division, "app": each.app, "facts": orjson.Fragment(each.facts)}
        )
        for each in stood
        for tie in each.ties
        for division in each.regions
    ]


def plainly(stood: Sequence[Told], app: str | None, question: Question, limit: int) -> TieAnswer:
    """Work out an answer by looking at every offer."""
    found: dict[str, Neighbour] = {}
    offered = [(division, each.app, each) for each in stood if question.tie in each.ties for division in each.regions]
    for division, id, each in sorted(offered, key=lambda offer: offer[:2]):
        if id != app and any(divisions.overlaps(division, region) for region in question.regions):
            found.setdefault(id, Neighbour(id, FACTS.validate_json(each.facts)))
    told = tuple(found.values())
    return TieAnswer(question.tie, len(told), told[:limit] if question.tie.startswith("item:") else told)


@given(
    st.lists(apps, unique_by=lambda each: each.app, max_size=8),
    st.lists(apps, max_size=12),
    questions,
    st.sampled_from((*IDS, None)),
    st.integers(1, 3),
)
def test_an_index_answers_as_a_plain_search_does(
    first: list[Told], later: list[Told], asked: list[Question], app: str | None, limit: int
) -> None:
    with closing(Index.load(7, snapshot(first))) as index:
        stood = {each.app: each for each in first}
        for revision, each in enumerate(later, start=8):
            before = stood.get(each.app)
            ended = set() if before is None else before.offers()
            index.apply(
                revision,
                [Offered(tie, division, each.app) for tie, division in sorted(ended)],
                [Offered(tie, division, each.app, each.facts) for tie, division in sorted(each.offers())],
            )
            stood[each.app] = each
        everyone = list(stood.values())
        assert index.answer(app, asked, limit) == tuple(plainly(everyone, app, each, limit) for each in asked)
        assert len(index) == sum(len(each.offers()) for each in everyone)
        assert index.revision == 7 + len(later)
        known = {each.app for each in first if each.ties}
        assert index.late == len({each.app for each in later if each.ties} - known)


def test_a_change_that_cannot_be_is_refused() -> None:
    with closing(Index.load(3, snapshot([Told("a", (TIES[0],), ("33",), 0)]))) as index:
        with pytest.raises(ValueError, match="comes after"):
            index.apply(3, [], [])
        for offer in (Offered(TIES[0], "34", "a"), Offered(TIES[1], "33", "a"), Offered(TIES[0], "33", "nobody")):
            with pytest.raises(ValueError, match="never began"):
                index.apply(4, [offer], [])
        assert index.revision == 3


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not found"),
        (b"{}", "not found"),
        (b'{"tie":"x","division":"33","facts":{}}', "no line of a snapshot"),
        (b'{"tie":1,"facts":', "not found"),
    ],
)
def test_a_line_that_is_none_of_a_snapshot_is_refused(line: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Index.load(1, [line])


def test_an_index_that_is_full_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.audit.index.MOST_APPS", 3)
    assert MOST_APPS > 4_000_000
    with pytest.raises(IndexFull, match="more than 2 apps"):
        Index.load(1, snapshot([Told(id, (TIES[0],), ("33",), 0) for id in IDS]))
