"""Sweeps: what one is made of, and judging its cases. A case that was judged before gives what it gave then.

The key of a case is a digest of all that its verdicts depend on: the manifest, the neighbours, the grants, what the
tree of organisations tells, the law, and between which of the days named in all of these the day judged lies. Rules
compare days and do no more with them, so nothing else about the day can matter; a test holds the rules to that.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, NamedTuple

import orjson
from pydantic import TypeAdapter

from services.audit.engine import verdicts
from services.audit.index import DAYS
from services.audit.law import Law, Verdict
from services.audit.rules import RULES
from services.manifest import divisions, ties
from services.manifest.model import Sponsor
from services.manifest.neighbourhood import Neighbourhood, Recorded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from services.audit.cases import Case, Tree
    from services.audit.index import Found, Index
    from services.audit.registry_streams import Conditions
    from services.manifest.model import Manifest

LETTERS: Mapping[Verdict, str] = {
    Verdict.VIOLATION: "v",
    Verdict.UNDETERMINED: "u",
    Verdict.EXEMPT: "e",
    Verdict.COMPLIANT: "c",
    Verdict.NOT_APPLICABLE: "n",
}
VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}

RULE_IDS = tuple(rule.id for rule in RULES)

_OF_DAYS = ("grant", "without_grant", "grant_ends_within_days")
_LAW = TypeAdapter(Law)
_RECORDED = TypeAdapter(Recorded | None)
_KEY_DIGITS = 40


class Content(NamedTuple):
    """What a case gives, as it is kept; see `services.audit.tables.SweepContent`."""

    key: str
    hash: str
    around: str
    law: str
    days: str
    outcome: str
    verdicts: str
    level: str | None
    province: str | None
    department: str | None


class Result(NamedTuple):
    """A case of a sweep: the key of its content, and the content when it was judged now."""

    app: str
    key: str
    content: Content | None


class _Seen(NamedTuple):
    """A case with all that bears on it, not judged yet."""

    case: Case
    manifest: Manifest
    recorded: Recorded | None
    found: tuple[Found, ...]
    key: str
    around: str
    days: str


@dataclass(frozen=True, slots=True)
class Judging:
    """Judges cases by a law on a day, with the index and the tree of organisations of one registry revision."""

    law: Law
    on: date
    index: Index
    tree: Tree

    def see(self, case: Case) -> _Seen:
        """Find what bears on a case, and the key under which it may have been judged already."""
        manifest, recorded = case.declared(), self.tree.recorded(case.sponsor)
        found = self.index.find(case.app, ties.questions(manifest, recorded))
        content = self.index.content(found)
        around = hashlib.sha256(content.digest + case.grants + _RECORDED.dump_json(recorded)).hexdigest()[:_KEY_DIGITS]
        named = {*content.days, *DAYS.findall(case.manifest), *DAYS.findall(case.grants), *days_of(self.law)}
        days = between(named, self.on)
        parts = (case.hash, around, self.law.version, program(), days)
        key = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:_KEY_DIGITS]
        return _Seen(case, manifest, recorded, found, key, around, days)

    def judge(self, seen: _Seen) -> Content:
        """Judge a case."""
        case, manifest, recorded = seen.case, seen.manifest, seen.recorded
        told = self.index.told(seen.found)
        around = Neighbourhood(self.index.revision, told, case.granted(), recorded)
        outcome, found = verdicts(manifest, around, self.law, self.on)
        return Content(
            key=seen.key,
            hash=case.hash,
            around=seen.around,
            law=self.law.version,
            days=seen.days,
            outcome=outcome.value,
            verdicts="".join(map(LETTERS.__getitem__, found)),
            **_place(case, manifest, recorded),
        )


def between(named: Iterable[bytes], on: date) -> str:
    """Say between which of some days (as text) a day lies, or on which."""
    days, day = sorted(named), on.isoformat().encode()
    at = bisect_left(days, day)
    return f"{at}{'=' if at < len(days) and days[at] == day else ''}"


@lru_cache(8)
def days_of(law: Law) -> frozenset[bytes]:
    """Give every day that the law names."""
    return frozenset(DAYS.findall(_LAW.dump_json(law)))


@lru_cache(1)
def program() -> str:
    """Name the program by which is judged: another version may judge otherwise by the same law."""
    return version("govapp")


def settled(wanted: Conditions, on: date) -> Conditions:
    """Give conditions that mean the same on every day: grants are asked for on the day judged, unless it is said."""
    if "grant_on" in wanted or not any(name in wanted for name in _OF_DAYS):
        return dict(wanted)
    return {**wanted, "grant_on": [on.isoformat()]}


def series(wanted: Conditions) -> str:
    """Give what sweeps of the same conditions have in common."""
    plain = {name: sorted(values) for name, values in wanted.items()}
    return hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()[:_KEY_DIGITS]


def _place(case: Case, manifest: Manifest, recorded: Recorded | None) -> dict[str, str | None]:
    """Say where an app belongs: the level, province and department of its sponsor, by the tree where it knows them."""
    sponsor = manifest.sponsor or Sponsor()
    level, department = sponsor.level, sponsor.root_organ or sponsor.name
    if recorded is not None:
        level, department = recorded.level or level, recorded.department_names[0]
    return {
        "level": None if level is None else level.value,
        "province": None if not case.division else divisions.province(case.division),
        "department": department,
    }
