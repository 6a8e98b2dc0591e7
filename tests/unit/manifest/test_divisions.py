from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.manifest import divisions

FILE = Path(divisions.__file__).with_name("divisions.csv")
ROWS = [line.split(",") for line in FILE.read_text("utf-8").splitlines() if not line.startswith("#")][1:]
LISTED = sorted({row[0] for row in ROWS})
FICTIONAL = {"98", "99"}
ENTRIES = [entry for code in LISTED for entry in divisions.history(code)]

unhurried = settings(deadline=None)
padded = st.builds(
    lambda code, length: code.ljust(max(length, len(code)), "0"), st.sampled_from(LISTED), st.sampled_from([6, 9, 12])
)
towns = st.builds(
    "{}{:03d}{}".format,
    st.sampled_from([code.ljust(6, "0") for code in LISTED]),
    st.integers(1, 999),
    st.sampled_from(["", "000", "201"]),
)
any_digits = st.sampled_from([0, 2, 4, 6, 9, 12]).flatmap(
    lambda length: st.text("0123", min_size=length, max_size=length)
)
codes = st.one_of(st.sampled_from(LISTED), padded, towns, any_digits)


# ---------------------------------------------------------------- the shape of codes


@pytest.mark.parametrize(
    ("code", "normal"),
    [
        ("", ""),
        ("000000", ""),
        ("33", "33"),
        ("330000", "33"),
        ("330000000000", "33"),
        ("3307", "3307"),
        ("330700", "3307"),
        ("330783", "330783"),
        ("330783000", "330783"),
        ("330783000000", "330783"),
        ("330783001", "330783001"),
        ("330783001000", "330783001"),
        ("330783100", "330783100"),
        ("330783001201", "330783001201"),
        ("441900003", "441900003"),
    ],
)
def test_zero_groups_at_the_end_are_removed(code: str, normal: str) -> None:
    assert divisions.normalise(code) == normal


@pytest.mark.parametrize(
    "code",
    ["3", "330", "33078", "3307830", "33078300100", "3307830010000", "33O7", "３３", "²²", "-1", " 33 ", "33\n7"],
)
def test_anything_else_is_refused_and_named(code: str) -> None:
    with pytest.raises(ValueError, match="no division code: it has 2, 4, 6, 9 or 12 digits") as raised:
        divisions.normalise(code)
    assert repr(code[:12])[1:-1] in str(raised.value)


def test_a_refusal_does_not_repeat_a_long_text() -> None:
    with pytest.raises(ValueError, match="no division code") as raised:
        divisions.normalise("3" * 1_000_000)
    assert len(str(raised.value)) < 120


@unhurried
@given(codes)
def test_normalise_agrees_with_cutting_whole_groups(code: str) -> None:
    groups = [code[start:end] for start, end in pairwise((0, 2, 4, 6, 9, 12)) if code[start:end]]
    while groups and not int(groups[-1]):
        groups.pop()
    assert divisions.normalise(code) == "".join(groups)


@unhurried
@given(codes)
def test_normalise_is_idempotent(code: str) -> None:
    normal = divisions.normalise(code)
    assert divisions.normalise(normal) == normal


@pytest.mark.parametrize(
    ("code", "chain"),
    [
        ("", ("",)),
        ("33", ("", "33")),
        ("330783", ("", "33", "3307", "330783")),
        ("330783001201", ("", "33", "3307", "330783", "330783001", "330783001201")),
        ("500118", ("", "50", "5001", "500118")),
        ("441900003", ("", "44", "4419", "441900003")),
    ],
)
def test_ancestors_run_from_the_country_down_to_the_code(code: str, chain: tuple[str, ...]) -> None:
    assert divisions.ancestors(code) == chain
    assert divisions.parent(code) == (chain[-2] if code else None)


@unhurried
@given(codes)
def test_ancestors_are_normalised_distinct_and_nested(code: str) -> None:
    chain = divisions.ancestors(code)
    assert chain[0] == ""
    assert chain[-1] == divisions.normalise(code)
    assert all(inner.startswith(outer) and len(inner) > len(outer) for outer, inner in pairwise(chain))
    assert all(divisions.normalise(each) == each for each in chain)


@unhurried
@given(codes, codes)
def test_to_cover_is_to_be_an_ancestor(one: str, other: str) -> None:
    assert divisions.covers(one, other) is (divisions.normalise(one) in divisions.ancestors(other))


@unhurried
@given(codes, codes, codes)
def test_covers_is_reflexive_transitive_and_antisymmetric(one: str, two: str, three: str) -> None:
    chain = sorted((one, two, three), key=lambda code: len(divisions.normalise(code)))
    assert all(divisions.covers("", code) and divisions.covers(code, code) for code in chain)
    if divisions.covers(chain[0], chain[1]) and divisions.covers(chain[1], chain[2]):
        assert divisions.covers(chain[0], chain[2])
    if divisions.covers(one, two) and divisions.covers(two, one):
        assert divisions.normalise(one) == divisions.normalise(two)


@unhurried
@given(codes, st.data())
def test_covers_is_transitive_along_a_chain(code: str, data: st.DataObject) -> None:
    middle = data.draw(st.sampled_from(divisions.ancestors(code)))
    outer = data.draw(st.sampled_from(divisions.ancestors(middle)))
    assert divisions.covers(outer, middle)
    assert divisions.covers(middle, code)
    assert divisions.covers(outer, code)


@unhurried
@given(codes, codes)
def test_overlaps_is_symmetric_and_means_that_one_covers_the_other(one: str, other: str) -> None:
    assert divisions.overlaps(one, other) is divisions.overlaps(other, one)
    assert divisions.overlaps(one, other) is (divisions.covers(one, other) or divisions.covers(other, one))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "330783", True),
        ("330000", "330783001", True),
        ("3307", "33", True),
        ("3307", "3308", False),
        ("330783", "330784", False),
        ("33", "34", False),
        ("441900", "441900003", True),
    ],
)
def test_regions_overlap_in_either_spelling(one: str, other: str, *, expected: bool) -> None:
    assert divisions.overlaps(one, other) is expected


@pytest.mark.parametrize(
    ("code", "province"), [("", None), ("000000", None), ("33", "33"), ("330783001", "33"), ("990101", "99")]
)
def test_the_province_is_the_first_pair_of_digits(code: str, province: str | None) -> None:
    assert divisions.province(code) == province


# ---------------------------------------------------------------- codes, names and days


@pytest.mark.parametrize(
    ("code", "name", "full_name"),
    [
        ("", "全国", "全国"),
        ("330000", "浙江省", "浙江省"),
        ("330783", "东阳市", "浙江省金华市东阳市"),
        ("431024", "嘉禾县", "湖南省郴州市嘉禾县"),
        ("430100", "长沙市", "湖南省长沙市"),
        ("500118", "永川区", "重庆市永川区"),
        ("500229", "城口县", "重庆市城口县"),
        ("429004", "仙桃市", "湖北省仙桃市"),
        ("469005", "文昌市", "海南省文昌市"),
        ("659001", "石河子市", "新疆维吾尔自治区石河子市"),
        ("460400", "儋州市", "海南省儋州市"),
        ("5001", "市辖区", "重庆市市辖区"),
        ("990101", "示例县", "示例省示例市示例县"),
        ("990201", "第二示例县", "示例省第二示例市第二示例县"),
        ("330783001", None, "浙江省金华市东阳市（330783001）"),
        ("441900003000", None, "广东省东莞市（441900003）"),
        ("330799", None, None),
        ("330799001", None, None),
    ],
)
def test_names(code: str, name: str | None, full_name: str | None) -> None:
    assert divisions.name(code) == name
    assert divisions.full_name(code) == full_name
    assert divisions.exists(code) is (full_name is not None)


@pytest.mark.parametrize("code", ["98", "9801", "980101", "99", "9901", "9902", "990101", "990102", "990103", "990201"])
def test_the_fictional_provinces_exist_on_every_day(code: str) -> None:
    assert divisions.exists(code, date.min)
    assert divisions.exists(code, date.max)
    assert divisions.history(code)[0].kind == "example"


@pytest.mark.parametrize("code", ["330700001", "330000001", "000000001", "500000001", "330799001001", "999901001"])
def test_a_town_needs_its_county(code: str) -> None:
    assert not divisions.exists(code)


@pytest.mark.parametrize("city", ["4419", "4420", "4604", "6202"])
def test_cities_without_counties_have_towns_of_their_own(city: str) -> None:
    assert divisions.exists(f"{city}00001")
    assert divisions.parent(f"{city}00001") == city


@pytest.mark.parametrize(
    ("code", "last_day", "first_day_without"),
    [
        ("500105", date(2025, 12, 30), date(2025, 12, 31)),
        ("110228", date(2015, 12, 30), date(2015, 12, 31)),
        ("542100", date(2014, 12, 30), date(2014, 12, 31)),
        ("500105001", date(2025, 12, 30), date(2025, 12, 31)),
    ],
)
def test_an_abolished_code_ends(code: str, last_day: date, first_day_without: date) -> None:
    assert divisions.exists(code, last_day)
    assert not divisions.exists(code, first_day_without)
    assert divisions.exists(code)


@pytest.mark.parametrize(
    ("code", "first_day"),
    [
        ("500157", date(2025, 11, 7)),
        ("653228", date(2024, 12, 27)),
        ("653132", date(2026, 3, 26)),
        ("659013", date(2026, 4, 17)),
        ("540481", date(2023, 4, 3)),
        ("110118", date(2015, 1, 1)),
        ("500157001", date(2025, 11, 7)),
    ],
)
def test_a_new_code_begins(code: str, first_day: date) -> None:
    assert divisions.exists(code, first_day)
    assert not divisions.exists(code, first_day - timedelta(days=1))


def test_a_renamed_or_reused_code_has_the_name_of_the_day() -> None:
    assert divisions.name("130502", date(2019, 12, 31)) == "桥东区"
    assert divisions.name("130502", date(2020, 1, 1)) == "襄都区"
    assert divisions.name("500110") == "綦江区"
    assert divisions.full_name("500110", date(2010, 12, 31)) == "重庆市万盛区"
    assert divisions.full_name("542621", date(2014, 6, 1)) == "西藏自治区林芝地区林芝县"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("110228", ("110118",)),  # a county became a district
        ("320502", ("320508",)),  # three districts merged into one
        ("140211", ("140212", "140213", "140214")),  # one district went to three
        ("500112", ("500109", "500157")),
        ("341400", ("3401", "3402", "3405")),  # a city was divided among three
        ("469003", ("4604",)),  # a county-level city rose to a city
        ("330783", ()),
        ("330799", ()),
        ("", ()),
    ],
)
def test_successors_of_an_abolished_code(code: str, expected: tuple[str, ...]) -> None:
    assert divisions.successors(code) == expected


# ---------------------------------------------------------------- suggestions


@pytest.mark.parametrize(
    ("code", "suggestion"),
    [
        ("330738", "330783"),  # two neighbours swapped
        ("340783", "330783"),  # one digit wrong
        ("330788", "330784"),
        ("330799", "330784"),  # the nearest of the same city, not of the next one
        ("330799001", "330784"),
        ("3399", "3309"),
        ("39", "37"),
        ("990104", "990103"),
    ],
)
def test_a_mistaken_code_has_suggestions(code: str, suggestion: str) -> None:
    assert suggestion in divisions.closest(code)


@pytest.mark.parametrize("code", ["330799", "330799001", "330700001"])
def test_suggestions_stay_in_the_city_that_was_named(code: str) -> None:
    assert [each[:4] for each in divisions.closest(code)] == ["3307"] * 3


def test_groupings_are_not_suggested() -> None:
    assert divisions.exists("5001")
    assert "5001" not in divisions.closest("5003", 100)


@pytest.mark.parametrize("code", ["", "x", "33x", "３３０７８３", "²²"])
def test_what_is_no_number_has_no_suggestions(code: str) -> None:
    assert divisions.closest(code) == ()


@unhurried
@given(st.text("0123456789", min_size=1, max_size=14), st.integers(0, 5))
def test_suggestions_are_distinct_current_and_no_more_than_asked(code: str, n: int) -> None:
    found = divisions.closest(code, n)
    assert len(found) == len(set(found)) <= n
    assert all(divisions.exists(each, divisions.edition_on()) and divisions.full_name(each) for each in found)
    assert all((each[:2] in FICTIONAL) is (code[:2] in FICTIONAL) for each in found)


@unhurried
@given(st.sampled_from([code for code in LISTED if len(code) == 6]), st.integers(0, 5), st.sampled_from("0123456789"))
def test_one_wrong_digit_finds_the_code_among_all_slips(code: str, at: int, digit: str) -> None:
    wrong = code[:at] + digit + code[at + 1 :]
    is_current = divisions.history(code)[-1].is_current
    is_same_kind = (code[:2] in FICTIONAL) is (wrong[:2] in FICTIONAL)
    assert (code in divisions.closest(wrong, 100)) is (is_current and is_same_kind and wrong != code)


# ---------------------------------------------------------------- the whole file


def test_the_file_is_sorted_and_has_one_row_for_each_code_and_first_day() -> None:
    keys = [(row[0], row[3]) for row in ROWS]
    assert keys == sorted(set(keys))


def test_every_code_is_normalised_and_named() -> None:
    assert [
        entry.code for entry in ENTRIES if divisions.normalise(entry.code) != entry.code or len(entry.code) > 6
    ] == []
    assert [entry.code for entry in ENTRIES if not entry.name.strip() or not entry.name.isprintable()] == []


def test_provinces_are_those_of_the_mainland() -> None:
    provincial = {code for code in LISTED if len(code) == 2}
    assert set(divisions.PROVINCES) == provincial - {"71", "81", "82"} - FICTIONAL
    assert list(divisions.PROVINCES) == sorted(divisions.PROVINCES)
    assert len(divisions.PROVINCES) == 31


def test_the_edition_has_as_many_divisions_as_the_state_counts() -> None:
    current = [entry.code for entry in ENTRIES if entry.is_current and entry.kind == "division"]
    assert {length: sum(len(code) == length for code in current) for length in (2, 4, 6)} == {2: 34, 4: 333, 6: 2847}


def test_every_division_stands_in_a_listed_one() -> None:
    assert [
        entry.code
        for entry in ENTRIES
        if any(each and not divisions.exists(each) for each in divisions.ancestors(entry.code))
    ] == []


def test_every_current_division_stands_in_current_ones() -> None:
    on = divisions.edition_on()
    current = [entry.code for entry in ENTRIES if entry.is_valid(on)]
    assert [code for code in current if not all(divisions.exists(each, on) for each in divisions.ancestors(code))] == []


def test_days_are_in_order_and_not_after_the_edition() -> None:
    for entry in ENTRIES:
        days = [day for day in (entry.valid_from_on, entry.valid_to_on, divisions.edition_on()) if day]
        assert days == sorted(days), entry


def test_the_names_of_one_code_follow_each_other() -> None:
    for code in LISTED:
        for earlier, later in pairwise(divisions.history(code)):
            assert earlier.valid_to_on is not None, code
            assert later.valid_from_on is not None, code
            assert earlier.name != later.name, code


def test_no_area_is_lost_when_a_division_ends() -> None:
    for entry in ENTRIES:
        if entry.kind == "division":
            assert bool(entry.successors) is (entry.valid_to_on is not None), entry
        if entry.valid_to_on is None:
            assert entry.successors == (), entry
        else:
            after = entry.valid_to_on + timedelta(days=1)
            assert all(divisions.exists(each, after) for each in entry.successors), entry


def test_a_place_only_goes_to_places_of_its_province() -> None:
    assert [entry.code for entry in ENTRIES if any(each[:2] != entry.code[:2] for each in entry.successors)] == []
