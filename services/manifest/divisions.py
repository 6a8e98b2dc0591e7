"""Division codes of China: what a code covers, what it is called, and whether it was valid on a day.

Codes of provinces, cities and counties follow GB/T 2260 and are listed in `divisions.csv`, each with the days it is
valid. Towns (9 digits, GB/T 10114) and villages (12 digits, statistical codes) are not listed and need only a county.

A code is *normalised* when the zero groups at its end are gone: 330000 is 33, 330700 is 3307, 330783 stays, and the
empty code is the whole country. Two regions overlap when one normalised code is a prefix of the other. Every function
takes a code in either form and raises ValueError for one that is not 0, 2, 4, 6, 9 or 12 digits long; only `closest`
takes any text.
"""

import csv
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from pkgutil import get_data
from typing import Literal

PROVINCES: tuple[str, ...] = (
    *("11", "12", "13", "14", "15", "21", "22", "23", "31", "32", "33", "34", "35", "36", "37", "41"),
    *("42", "43", "44", "45", "46", "50", "51", "52", "53", "54", "61", "62", "63", "64", "65"),
)
"""The 31 divisions of provincial level of the mainland, normalised, in order."""

_LENGTHS = (0, 2, 4, 6, 9, 12)  # the country, then province, city, county, town, village
_CITY, _COUNTY = 4, 6  # digits of their codes; a county's are the longest that are listed
_EXAMPLES = ("98", "99")  # the fictional provinces of the examples
_CACHED = 1 << 16  # codes remembered by each function; a nationwide sweep meets about 45,000 towns and counties

Kind = Literal["division", "grouping", "statistical", "example"]
_KINDS: dict[str, Kind] = {"": "division", "grouping": "grouping", "statistical": "statistical", "example": "example"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One name of one code, and the days on which it stood for a place.

    Attributes:
        code: normalised, 2, 4 or 6 digits.
        name: the place's own name, without those above it.
        kind: a division of GB/T 2260; a grouping (市辖区, 省直辖县级行政区划), which is no part of full names; a code
            that only the statistical lists know; or a fictional one, for examples.
        valid_from_on: first day, None when it is older than the file's history or not known.
        valid_to_on: last day, None while it is valid.
        successors: the codes among which its area went; empty while it is valid, and where they are not known.
    """

    code: str
    name: str
    kind: Kind
    valid_from_on: date | None
    valid_to_on: date | None
    successors: tuple[str, ...]

    @property
    def is_current(self) -> bool:
        """Whether the entry is a place that the latest edition knows; groupings are none."""
        return self.valid_to_on is None and self.kind != "grouping"

    def is_valid(self, on: date) -> bool:
        """Tell whether the entry holds on that day."""
        return (self.valid_from_on is None or self.valid_from_on <= on) and (
            self.valid_to_on is None or on <= self.valid_to_on
        )


# ---------------------------------------------------------------- the shape of codes


@lru_cache(_CACHED)
def normalise(code: str) -> str:
    """Return the code without the zero groups at its end; the empty code is the whole country.

    Raises:
        ValueError: the text is not 0, 2, 4, 6, 9 or 12 digits.
    """
    if len(code) not in _LENGTHS or not (code.isdecimal() or not code) or not code.isascii():
        shown = code if len(code) <= _LENGTHS[-1] else code[: _LENGTHS[-1]] + "…"
        raise ValueError(
            f"{shown!r} is no division code: it has 2, 4, 6, 9 or 12 digits, or none for the whole country"
        )
    while code:
        group = "000" if len(code) > _COUNTY else "00"
        if not code.endswith(group):
            break
        code = code[: -len(group)]
    return code


@lru_cache(_CACHED)
def ancestors(code: str) -> tuple[str, ...]:
    """Return every code that covers this one, from the empty code of the country down to the code itself.

    A city without counties (东莞市, 4419) is the direct parent of its towns (441900003).
    """
    code = normalise(code)
    return tuple(dict.fromkeys(normalise(code[:length]) for length in _LENGTHS if length <= len(code)))


def parent(code: str) -> str | None:
    """Return the next larger division, None for the country."""
    above = ancestors(code)
    return above[-2] if len(above) > 1 else None


def province(code: str) -> str | None:
    """Return the first two digits, None for the country."""
    return normalise(code)[:2] or None


def covers(outer: str, inner: str) -> bool:
    """Tell whether the first division contains the second or is the same one."""
    return normalise(inner).startswith(normalise(outer))


def overlaps(one: str, other: str) -> bool:
    """Tell whether one of the two divisions contains the other."""
    one, other = normalise(one), normalise(other)
    return one.startswith(other) or other.startswith(one)


# ---------------------------------------------------------------- the listed codes


def edition_on() -> date:
    """Return the day on which the list was current."""
    return _file()[0]


def history(code: str) -> tuple[Entry, ...]:
    """Return all names that the code ever had in the file, oldest first; empty for one that is not listed."""
    return _file()[1].get(normalise(code), ())


@lru_cache(_CACHED)
def exists(code: str, on: date | None = None) -> bool:
    """Tell whether the code was valid on the day, or on any day when none is given.

    Where a change is known only by its year, the old and the new code both count as valid throughout that year. A town
    or village exists when its county does, or its city if that has no counties.
    """
    code = normalise(code)
    if not code:
        return True
    place = normalise(code[:_COUNTY])
    if len(code) > _COUNTY > len(place) and place not in _undivided():
        return False
    entries = history(place)
    return bool(entries) if on is None else any(entry.is_valid(on) for entry in entries)


@lru_cache(_CACHED)
def name(code: str, on: date | None = None) -> str | None:
    """Return the division's own name on the day, or its latest; None for towns, villages and what does not exist."""
    if not normalise(code):
        return "全国"
    entry = _entry(code, on)
    return entry.name if entry else None


@lru_cache(_CACHED)
def full_name(code: str, on: date | None = None) -> str | None:
    """Return the name with those of the divisions above it (浙江省金华市东阳市), as on the day or else the latest.

    A town or village has no name here: its code follows its county's name in parentheses. None when the code does not
    exist.
    """
    if not exists(code, on):
        return None
    chain = ancestors(code)
    entries = [entry for each in chain if (entry := _entry(each, on))]
    text = "".join(entry.name for entry in entries if entry.kind != "grouping" or entry.code == chain[-1])
    return f"{text}（{chain[-1]}）" if len(chain[-1]) > _COUNTY else text or "全国"


def successors(code: str) -> tuple[str, ...]:
    """Return the codes among which an abolished code's area went; empty while it is valid, or where that is unknown."""
    entry = _entry(code, None)
    return entry.successors if entry else ()


def predecessors(code: str) -> tuple[str, ...]:
    """Return the abolished codes of which the area, or a part of it, went to this one, in their order."""
    code = normalise(code)
    return tuple(each for each, entries in _file()[1].items() if any(code in entry.successors for entry in entries))


def listed(on: date | None = None) -> Iterator[Entry]:
    """Give every entry in the order of codes; with a day, one for each code that was valid on it."""
    for entries in _file()[1].values():
        held = entries if on is None else tuple(entry for entry in entries if entry.is_valid(on))
        yield from held if on is None else held[-1:]


def closest(code: str, n: int = 3) -> tuple[str, ...]:
    """Return up to n current codes that a mistaken code may have meant, the likeliest first.

    First come codes that differ by one digit or by two swapped neighbours, then those nearest in number; among each the
    codes that begin alike. For a town or village its county is sought. Anything but digits has no neighbours.
    """
    if not (code.isascii() and code.isdecimal()):
        return ()
    wanted = code[:_COUNTY]
    wanted = wanted.ljust(len(wanted) + len(wanted) % 2, "0")
    pool = _current_by_length()[len(wanted)]
    at = bisect_left(pool, wanted)
    near = pool[max(0, at - n) : at + n]
    slips = _slips(wanted) & _current()

    def unlike(each: str) -> tuple[int, int]:
        alike = next((at for at, pair in enumerate(zip(wanted, each, strict=True)) if pair[0] != pair[1]), len(wanted))
        return -alike, abs(int(each) - int(wanted))

    likely = dict.fromkeys(sorted(slips, key=unlike) + sorted(near, key=unlike))
    is_example = wanted.startswith(_EXAMPLES)
    return tuple(each for each in likely if each != wanted and each.startswith(_EXAMPLES) is is_example)[:n]


def _slips(code: str) -> set[str]:
    """Return the code, and what it may have been before one digit went wrong or two neighbours changed places."""
    changed = {code[:at] + digit + code[at + 1 :] for at in range(len(code)) for digit in "0123456789"}
    swapped = {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(len(code) - 1)}
    return changed | swapped


def _entry(code: str, on: date | None) -> Entry | None:
    """Return the entry that holds on the day, the later one in a year of change; without a day the latest."""
    held = (entry for entry in reversed(history(code)) if on is None or entry.is_valid(on))
    return next(held, None)


@cache
def _undivided() -> frozenset[str]:
    """Return the cities without counties, whose towns stand directly below them."""
    listed = [entries[-1] for entries in _file()[1].values()]
    divided = {entry.code[:_CITY] for entry in listed if len(entry.code) == _COUNTY and entry.kind != "statistical"}
    return frozenset(entry.code for entry in listed if len(entry.code) == _CITY and entry.code not in divided)


@cache
def _current() -> frozenset[str]:
    """Return the codes of the places that the latest edition knows."""
    return frozenset(code for code, entries in _file()[1].items() if entries[-1].is_current)


@cache
def _current_by_length() -> dict[int, list[str]]:
    """Return the current codes by their number of digits, in order."""
    return {length: sorted(code for code in _current() if len(code) == length) for length in _LENGTHS}


@cache
def _file() -> tuple[date, dict[str, tuple[Entry, ...]]]:
    """Read the file once, when first needed: the day of its edition, and the entries of each code, oldest first."""
    content = get_data("services.manifest", "divisions.csv")
    if content is None:
        raise FileNotFoundError("services/manifest/divisions.csv is not part of this installation")
    lines = content.decode().splitlines()
    label = "# edition_on: "
    edition = next(date.fromisoformat(line.removeprefix(label)) for line in lines if line.startswith(label))
    table: dict[str, tuple[Entry, ...]] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        entry = Entry(
            row["code"],
            row["name"],
            _KINDS[row["kind"]],
            _day(row["valid_from_on"]),
            _day(row["valid_to_on"]),
            tuple(row["successors"].split()),
        )
        table[entry.code] = (*table.get(entry.code, ()), entry)
    return edition, table


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
