"""The index: who offers a tie in a region that overlaps mine, answered from memory instead of by the registry.

It is filled from a snapshot of offers and kept current from the change feed, and gives what the registry's own
statements give: random tests hold the two together. A million apps take some hundred megabytes, because an offer is one
number, and what is told about it lies in a file:

* A division and an app are packed into one whole number, which sorts as (division, id) does. For that, the apps of a
  snapshot are numbered in the order of their ids; those that come later have numbers of their own, are put among the
  others when they are told, and get their place in the order at the next snapshot.
* Facts are JSON as the registry wrote it, and are read when somebody asks for them.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson
from pydantic import TypeAdapter

from services.manifest.neighbourhood import Facts, Neighbour, TieAnswer
from services.manifest.spans import spans
from services.manifest.ties import index_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from services.manifest.ties import Question

_FACTS = TypeAdapter(Facts)
_FACTS_KEPT = 1 << 14  # facts that stay read; hot neighbours are told again and again

_DIGITS = 12  # of the longest division code
_APP_BITS = 22
MOST_APPS = 1 << _APP_BITS
"""How many apps an index can number, and one more."""

# The lines of a snapshot end with the facts; quotation marks inside texts are escaped, so this stands nowhere else.
_BEFORE_FACTS = b',"facts":'
_SEVERAL_REGIONS = re.compile(rb'"regions":\["[0-9]*",')
DAYS = re.compile(rb'"([0-9]{4}-[0-9]{2}-[0-9]{2})"')
"""Finds the days in canonical JSON, and perhaps texts that look like days."""


class IndexFull(Exception):
    """There are more apps than an index can number, or no room for their facts; ask the registry instead."""


class Found(NamedTuple):
    """Who offers a tie: a total, and app and facts of those told, by their numbers in the index that found them."""

    tie: str
    total: int
    told: dict[int, int]


class Content(NamedTuple):
    """What answers say, to be compared: a digest, and every day that the facts name, as text."""

    digest: bytes
    days: frozenset[bytes]


class Offered(NamedTuple):
    """What the feed tells of an offer that begins (`facts` is JSON) or ends."""

    tie: str
    division: str
    app: str
    facts: bytes = b""


@dataclass(slots=True)
class _Tie:
    """The offers of one tie in the order of (division, app): packed numbers, and the numbers of their facts.

    `several` are those of apps that offer the tie in more than one division, which must be counted once.
    """

    places: array[int] = field(default_factory=lambda: array("Q"))
    facts: array[int] = field(default_factory=lambda: array("L"))
    several: array[int] = field(default_factory=lambda: array("Q"))


class _FactsFile:
    """Facts by number, in a file without a name that is gone when the process is: its pages are no memory of ours."""

    def __init__(self, folder: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115 - it lives as long as the index
        self._ends = array("Q", [0])
        self._written = 0

    def add(self, facts: bytes) -> int:
        try:
            self._file.write(facts)
        except OSError as error:
            raise IndexFull(str(error)) from error
        self._ends.append(self._ends[-1] + len(facts))
        return len(self._ends) - 2

    def read(self, number: int) -> bytes:
        start, end = self._ends[number], self._ends[number + 1]
        if end > self._written:
            self._file.flush()
            self._written = self._ends[-1]
        return os.pread(self._file.fileno(), end - start, start)

    def close(self) -> None:
        self._file.close()


class Index:
    """Offers as of one registry revision. It belongs to one thread at a time."""

    def __init__(self, revision: int, folder: Path | None = None) -> None:
        """Begin empty, as of a registry revision; `folder` is where the facts lie, None: where temporary files do."""
        self.revision = revision
        self._ties: dict[str, _Tie] = {}
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}
        # Where an app offers, if it is one division; ties do not differ in that.
        self._homes = array("Q")
        self._in_order = 0
        self._facts = _FactsFile(folder)
        self._told = lru_cache(_FACTS_KEPT)(self._read_facts)
        self._content = lru_cache(_FACTS_KEPT)(self._read_content)

    @classmethod
    def load(cls, revision: int, lines: Iterable[bytes], folder: Path | None = None) -> Self:
        """Fill an index from a snapshot.

        Args:
            revision: the registry revision of the snapshot.
            lines: its offers: one JSON object each, with `tie`, `division`, `app` and, last, `facts`.
            folder: where the facts lie.

        Raises:
            IndexFull: there are too many apps, or there is no room for their facts.
            ValueError: a line is none of a snapshot.

        """
        index = cls(revision, folder)
        try:
            index._fill(lines)
        except BaseException:
            index.close()
            raise
        return index

    def close(self) -> None:
        """Give the facts' room back."""
        self._facts.close()

    @property
    def late(self) -> int:
        """How many apps came after the snapshot: the more there are, the sooner a new one is worth its while."""
        return len(self._ids) - self._in_order

    def __len__(self) -> int:
        """Give the number of offers."""
        return sum(len(tie.places) for tie in self._ties.values())

    # ------------------------------------------------------------ asking

    def answer(self, app: str | None, questions: Sequence[Question], limit: int = 100) -> tuple[TieAnswer, ...]:
        """Say who offers each tie in a region that overlaps, as the registry does.

        Args:
            app: id of the app that asks, which is no neighbour of its own; None for one that is not registered.
            questions: the ties and regions.
            limit: how many neighbours of an `item:` tie are told at most; of other ties all are.

        """
        return self.told(self.find(app, questions, limit))

    def find(self, app: str | None, questions: Sequence[Question], limit: int = 100) -> tuple[Found, ...]:
        """Find who offers each tie, to be told or compared; the arguments are those of `answer`."""
        # No app has the highest number, and nobody is at home beyond all divisions.
        asking = self._numbers.get(app or "", MOST_APPS - 1)
        return tuple(self._tie(asking, each, limit if each.tie.startswith("item:") else None) for each in questions)

    def told(self, found: Iterable[Found]) -> tuple[TieAnswer, ...]:
        """Tell what was found, as the registry does."""
        return tuple(
            TieAnswer(
                each.tie,
                each.total,
                tuple(Neighbour(self._ids[number], self._told(facts)) for number, facts in each.told.items()),
            )
            for each in found
        )

    def content(self, found: Iterable[Found]) -> Content:
        """Give what tells answers apart without telling them: the same digest, the same answers."""
        digest, days = hashlib.sha256(), set[bytes]()
        for each in found:
            digest.update(b"%s\n%d\n" % (each.tie.encode(), each.total))
            for number, facts in each.told.items():
                content = self._content(facts)
                digest.update(b"%s %s\n" % (self._ids[number].encode(), content.digest))
                days |= content.days
        return Content(digest.digest(), frozenset(days))

    def apps(self, tie: str, division: str) -> set[str]:
        """Give the ids of all apps that offer a tie in a region that overlaps one."""
        offers = self._ties.get(index_key(tie))
        if offers is None:
            return set()
        stretches = [(_packed(low), _packed(high)) for low, high in spans((division,))]
        return {self._ids[number] for number, _ in self._in_told_order(offers, stretches)}

    def _tie(self, asking: int, question: Question, at_most: int | None) -> Found:
        tie = self._ties.get(index_key(question.tie))
        if tie is None:
            return Found(question.tie, 0, {})
        stretches = [(_packed(low), _packed(high)) for low, high in spans(question.regions)]
        home = self._homes[asking] if asking < len(self._homes) else -1
        total = _total(tie, stretches, asking, home)
        told: dict[int, int] = {}
        for number, facts in self._in_told_order(tie, stretches):
            if len(told) == at_most:
                break
            if number != asking:
                told.setdefault(number, facts)
        return Found(question.tie, total, told)

    def _in_told_order(self, tie: _Tie, stretches: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Give app and facts of the offers in some stretches, in the order of (division, id)."""
        for low, high in stretches:
            at, end = bisect_left(tie.places, low), bisect_left(tie.places, high)
            while at < end:
                # The offers of one division: first those of apps numbered in the order of their ids, then late ones.
                division = tie.places[at] >> _APP_BITS << _APP_BITS
                late = bisect_left(tie.places, division + self._in_order, at, end)
                after = bisect_left(tie.places, division + MOST_APPS, late, end)
                numbers = range(at, after)
                for n in numbers if late == after else sorted(numbers, key=lambda n: self._ids[_app(tie.places[n])]):
                    yield _app(tie.places[n]), tie.facts[n]
                at = after

    def _read_facts(self, number: int) -> Facts:
        return _FACTS.validate_json(self._facts.read(number))

    def _read_content(self, number: int) -> Content:
        facts = self._facts.read(number)
        return Content(hashlib.sha256(facts).hexdigest().encode(), frozenset(DAYS.findall(facts)))

    # ------------------------------------------------------------ following

    def apply(self, revision: int, ended: Iterable[Offered], begun: Iterable[Offered]) -> None:
        """Let a change of the feed happen: first what ended, then what began.

        Raises:
            IndexFull: there are too many apps, or there is no room for their facts.
            ValueError: the change is not the next one, or ends what was not offered: the index is of another registry.

        """
        if revision <= self.revision:
            raise ValueError(f"revision {revision} comes after {self.revision} in no feed")
        for each in ended:
            self._end(each)
        for each in begun:
            tie = self._ties.setdefault(index_key(each.tie), _Tie())
            division, number = _packed(each.division), self._number(each.app)
            self._homes[number] = division
            packed = division + number
            at = bisect_left(tie.places, packed)
            tie.places.insert(at, packed)
            tie.facts.insert(at, self._facts.add(each.facts))
            if _SEVERAL_REGIONS.search(each.facts):
                tie.several.insert(bisect_left(tie.several, packed), packed)
        self.revision = revision

    def _end(self, each: Offered) -> None:
        tie = self._ties.get(index_key(each.tie))
        packed = _packed(each.division) + self._numbers.get(each.app, 0)
        at = -1 if tie is None else bisect_left(tie.places, packed)
        if tie is None or each.app not in self._numbers or at == len(tie.places) or tie.places[at] != packed:
            raise ValueError(f"{each.app} ends an offer of {each.tie} in {each.division!r} that it never began")
        del tie.places[at], tie.facts[at]
        at = bisect_left(tie.several, packed)
        if at < len(tie.several) and tie.several[at] == packed:
            del tie.several[at]
        if not tie.places:
            del self._ties[index_key(each.tie)]

    def _number(self, app: str) -> int:
        number = self._numbers.setdefault(app, len(self._ids))
        if number == len(self._ids):
            if number >= MOST_APPS - 1:
                del self._numbers[app]
                raise IndexFull(f"more than {MOST_APPS - 1} apps")
            self._ids.append(app)
            self._homes.append(0)
        return number

    # ------------------------------------------------------------ filling

    def _fill(self, lines: Iterable[bytes]) -> None:
        """Take the offers in the order in which they come, then number their apps in the order of their ids."""
        last: tuple[str, str, bytes] | None = None
        facts = 0
        for line in lines:
            end = line.index(_BEFORE_FACTS)
            head, written = orjson.loads(line[:end] + b"}"), line[end + len(_BEFORE_FACTS) : line.rindex(b"}")]
            if head.keys() != {"tie", "division", "app"}:
                raise ValueError(f"no line of a snapshot of offers: {line[:100]!r}")
            tie, app = head["tie"], head["app"]
            if last != (tie, app, written):  # an app tells the same in all its regions, one after the other
                facts = self._facts.add(written)
                last = tie, app, written
            offers = self._ties.setdefault(tie, _Tie())
            division, number = _packed(head["division"]), self._number(app)
            self._homes[number] = division
            packed = division + number
            offers.places.append(packed)
            offers.facts.append(facts)
            if _SEVERAL_REGIONS.search(written):
                offers.several.append(packed)
        self._put_in_order()

    def _put_in_order(self) -> None:
        order = sorted(range(len(self._ids)), key=self._ids.__getitem__)
        ranks = array("L", bytes(array("L").itemsize * len(order)))
        for rank, number in enumerate(order):
            ranks[number] = rank
        self._ids = [self._ids[number] for number in order]
        self._homes = array("Q", (self._homes[number] for number in order))
        self._numbers = {app: number for number, app in enumerate(self._ids)}
        self._in_order = len(self._ids)
        for tie in self._ties.values():
            ranked = [(packed - _app(packed)) + ranks[_app(packed)] for packed in tie.places]
            sorted_at = sorted(range(len(ranked)), key=ranked.__getitem__)
            tie.places = array("Q", (ranked[at] for at in sorted_at))
            tie.facts = array("L", (tie.facts[at] for at in sorted_at))
            tie.several = array("Q", sorted((each - _app(each)) + ranks[_app(each)] for each in tie.several))


def _total(tie: _Tie, stretches: Sequence[tuple[int, int]], asking: int, home: int) -> int:
    """Count the apps in some stretches without the one that asks; one that offers in several divisions counts once."""
    rows = 0
    several: list[int] = []
    is_there = False
    for low, high in stretches:
        first, last = bisect_left(tie.places, low), bisect_left(tie.places, high)
        rows += last - first
        several += map(_app, tie.several[bisect_left(tie.several, low) : bisect_left(tie.several, high)])
        if low <= home < high:
            at = bisect_left(tie.places, home + asking, first, last)
            is_there = at < last and tie.places[at] == home + asking
    apps = set(several)
    return rows - len(several) + len(apps) - (asking in apps or is_there)


@lru_cache(1 << 16)
def _packed(division: str) -> int:
    """Give a division code, or the end of a span, as the high bits of a number that sorts as the text does."""
    if len(division) > _DIGITS:  # the end of the span of a village, below which there is nothing
        return _packed(division[:_DIGITS]) + MOST_APPS
    number: int = 0
    for character in division:
        number = number * 11 + ord(character) - ord("0") + 1
    return number * int(11 ** (_DIGITS - len(division))) << _APP_BITS


def _app(packed: int) -> int:
    return packed & (MOST_APPS - 1)
