"""The spans of division codes that a region overlaps say the same as `divisions.overlaps`."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.manifest import divisions
from services.manifest.spans import spans

CODES = st.one_of(
    st.sampled_from(["", "33", "3307", "330783", "330783001", "330783001002", "441900003", "11", "990000", "9901"]),
    st.from_regex(r"(\d{2}|\d{4}|\d{6}|\d{9}|\d{12})?", fullmatch=True).filter(str.isascii),
)


@given(st.lists(CODES, min_size=1, max_size=6), CODES)
def test_a_division_lies_in_a_span_exactly_when_it_overlaps_a_region(regions: list[str], division: str) -> None:
    code = divisions.normalise(division)
    found = [span for span in spans(regions) if span[0] <= code < span[1]]
    assert len(found) == any(divisions.overlaps(code, region) for region in regions)


@given(st.lists(CODES, min_size=1, max_size=6))
def test_spans_are_in_order_and_do_not_meet(regions: list[str]) -> None:
    found = spans(regions)
    assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_the_country_is_one_span_of_everything() -> None:
    assert spans(["", "33", "3307"]) == (("", ":"),)
