"""Sponsors: which organisation of the tree runs an app, and which department that makes it belong to.

A sponsor is found by its credit code; failing that by its name, and failing that by the root organ it claims, where one
organisation alone bears the name. From then on the app's offers stand under the tie of the organ at the root of the
tree. Whatever changes the tree moves, in the same transaction, the offers of all apps that it bears on.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import BigInteger, any_, bindparam, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from services.database.columns import Characters
from services.manifest.model import Sponsor
from services.manifest.neighbourhood import FoundBy, Recorded
from services.manifest.terms import Level, ManagedBy, Nature
from services.manifest.ties import DEPARTMENT, claimed_department_tie, coded_department_tie, index_key, name_key
from services.registry.store import past
from services.registry.tables import App, Organisation, OrganisationName, Sponsorship

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import CTE, ColumnElement, Connection, Row, Select
    from sqlalchemy.orm import Mapped

    from services.registry.store.database import Write
    from services.registry.store.prepared import Prepared

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Named:
    """What a manifest says of its sponsor by which the tree may know it."""

    credit_code: str | None = None
    name: str | None = None
    root_organ: str | None = None

    @classmethod
    def of(cls, sponsor: Sponsor | None) -> Named:
        """Give what a sponsor is named by; nothing when none is declared."""
        said = sponsor or Sponsor()
        return cls(said.credit_code, said.name, said.root_organ)

    @classmethod
    def of_tie(cls, tie: str) -> Named:
        """Give whom the tie of a department names."""
        sort, _, code = (name := tie.removeprefix(DEPARTMENT)).partition("=")
        return cls(credit_code=code) if sort == "code" else cls(name=name)

    @property
    def tie(self) -> str | None:
        """The tie of the department that is claimed; None when nothing is said to tell it by."""
        return claimed_department_tie(Sponsor.model_construct(**asdict(self)))


def find(connection: Connection, named: Iterable[Named], as_of: int | None = None) -> dict[Named, Recorded]:
    """Give what the tree knows of sponsors; those that it does not know, or cannot tell apart, are left out.

    Args:
        connection: where.
        named: the sponsors.
        as_of: the registry revision as of which; None: now.

    """
    found: dict[Named, tuple[FoundBy, str]] = {}
    for some in _batches(dict.fromkeys(named)):
        found |= _find(connection, some, as_of)
    return _recorded(connection, found, as_of) if found else {}


def of_app(connection: Connection, app: App, as_of: int | None = None) -> Recorded | None:
    """Give what the tree knows of the sponsor of an app; None when it does not know it."""
    sponsor = Named(app.credit_code, app.sponsor, app.root_organ)
    return find(connection, [sponsor], as_of).get(sponsor)


def kin(connection: Connection, sponsor: Named, granters: Mapping[str, Named]) -> frozenset[str]:
    """Give those of some granters, by their keys, whom the tree puts under the same department as a sponsor."""
    found = find(connection, [sponsor, *granters.values()]) if granters else {}
    if sponsor not in found:
        return frozenset()
    own = found[sponsor].department
    return frozenset(key for key, each in granters.items() if each in found and found[each].department == own)


def named_of(connection: Connection, app: str | None, as_of: int | None = None) -> Named | None:
    """Give what a registered app says of its sponsor; None when it is not registered."""
    said = select(col(App.credit_code), col(App.sponsor), col(App.root_organ)).where(
        col(App.id) == app, past.standing(App, as_of)
    )
    row = None if app is None else connection.execute(said).one_or_none()
    return None if row is None else Named(*row)


def placed(connection: Connection, prepared: Sequence[Prepared]) -> list[Prepared]:
    """Put the offers of apps under the departments that the tree gives them: under the lock, before writing them."""
    found = find(connection, map(named, prepared))
    return [_placed(each, found.get(named(each))) for each in prepared]


def named(prepared: Prepared) -> Named:
    """Give what a prepared manifest says of its sponsor."""
    columns = prepared.columns
    return Named(columns["credit_code"], columns["sponsor"], columns["root_organ"])


def rows(
    connection: Connection, prepared: Iterable[Prepared], since: Mapping[str, int], stood: Collection[str]
) -> list[dict[str, object]]:
    """End the live sponsorships of apps that are other ones now, and give the rows that begin.

    Args:
        connection: the write, which has the lock.
        prepared: the apps, placed.
        since: the revision that says so, by app.
        stood: those of the apps that were registered before.

    """
    wanted = {each.app: None if each.found is None else (each.found.code, each.found.by) for each in prepared}
    return _succeed(connection, wanted, since, stood)


def apps_under(code: str, as_of: int | None) -> Select[str]:
    """Give the statement for the apps whose sponsor stands below an organisation, or is the organisation itself."""
    below = subtree(code, as_of)
    return select(col(Sponsorship.app)).where(
        past.standing(Sponsorship, as_of), col(Sponsorship.organisation).in_(select(below.c.code))
    )


def subtree(code: str, as_of: int | None) -> CTE:
    """Give an organisation and all below it, as a table of codes: the ways to their roots lead through it."""
    start = select(col(Organisation.code)).where(past.standing(Organisation, as_of), col(Organisation.code) == code)
    below = start.cte("below", recursive=True)
    further = select(col(Organisation.code)).where(
        past.standing(Organisation, as_of), col(Organisation.above) == below.c.code
    )
    return below.union(further)


def follow(write: Write, code: str, keys: Collection[str]) -> None:
    """Give the apps that a change of the tree bears on the sponsors and departments that they have from now on.

    Args:
        write: the write, which has the lock and has written the change.
        code: the organisation that was changed.
        keys: the normalised names that it has or had, before the change or after it.

    """
    for some in _batches(_affected(write.connection, code, keys)):
        named = {row.id: Named(row.credit_code, row.sponsor, row.root_organ) for row in some}
        found = find(write.connection, named.values())
        recorded = {app: found.get(each) for app, each in named.items()}
        wanted = {app: None if each is None else (each.code, each.by) for app, each in recorded.items()}
        begun = _succeed(write.connection, wanted, dict.fromkeys(wanted, write.revision), wanted)
        if begun:
            write.connection.execute(insert(Sponsorship), begun)
        _move_offers(write, {app: _tie(named[app], each) for app, each in recorded.items()})


# ---------------------------------------------------------------- finding


def _find(connection: Connection, named: Sequence[Named], as_of: int | None) -> dict[Named, tuple[FoundBy, str]]:
    codes = {each.credit_code for each in named if each.credit_code is not None}
    registered = select(col(Organisation.code)).where(
        past.standing(Organisation, as_of), _is_one_of(connection, col(Organisation.code), codes)
    )
    known = set(connection.execute(registered).scalars()) if codes else set()
    unknown = [each for each in named if each.credit_code not in known]
    bearers = _bearers(connection, {key for each in unknown for key in _keys(each.name, each.root_organ)}, as_of)
    found: dict[Named, tuple[FoundBy, str]] = {}
    for each in named:
        if each.credit_code is not None and each.credit_code in known:
            found[each] = (FoundBy.CREDIT_CODE, each.credit_code)
            continue
        for by, name in ((FoundBy.NAME, each.name), (FoundBy.ROOT_ORGAN, each.root_organ)):
            bearer = next((bearers[key] for key in _keys(name) if key in bearers), None)
            if bearer is not None:
                found[each] = (by, bearer)
                break
    return found


def _keys(*names: str | None) -> list[str]:
    return [index_key(name_key(name)) for name in names if name is not None]


def _is_one_of(connection: Connection, column: Mapped[str], values: Collection[str]) -> ColumnElement[bool]:
    """Give the condition that a column is one of many values, as one parameter where the database has lists."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(Characters)))
    return column.in_(values)


def _bearers(connection: Connection, keys: Collection[str], as_of: int | None) -> dict[str, str]:
    """Give who alone bears each name: of those that are, else of those that are no more, else of those that did."""
    if not keys:
        return {}
    columns = (col(OrganisationName.name_key), col(OrganisationName.organisation), col(OrganisationName.before_on))
    borne = (
        select(*columns, col(Organisation.ended_on))
        .join(Organisation, col(Organisation.code) == col(OrganisationName.organisation))
        .where(past.standing(OrganisationName, as_of), past.standing(Organisation, as_of))
        .where(_is_one_of(connection, columns[0], keys))
    )
    ranked: defaultdict[str, dict[int, set[str]]] = defaultdict(dict)
    for key, organisation, before_on, ended_on in connection.execute(borne):
        rank = 2 if before_on != date.max else 1 if ended_on is not None else 0
        ranked[key].setdefault(rank, set()).add(organisation)
    first = {key: ranks[min(ranks)] for key, ranks in ranked.items()}
    return {key: next(iter(bearers)) for key, bearers in first.items() if len(bearers) == 1}


def _recorded(
    connection: Connection, found: Mapping[Named, tuple[FoundBy, str]], as_of: int | None
) -> dict[Named, Recorded]:
    codes = {code for _, code in found.values()}
    departments: dict[str, str] = {}
    facts: dict[str, Row[Any]] = {}
    for some in _batches(codes):
        departments |= _roots(connection, some, as_of)
        standing = (past.standing(Organisation, as_of), col(Organisation.code).in_(some))
        columns = ("code", "level", "division", "nature", "managed_by", "ended_on")
        stated = select(*(col(getattr(Organisation, name)) for name in columns)).where(*standing)
        facts |= {row.code: row for row in connection.execute(stated)}
    names = _names(connection, {*codes, *departments.values()}, as_of)
    return {
        each: Recorded(
            by=by,
            code=code,
            names=names[code],
            department=departments[code],
            department_names=names[departments[code]],
            level=_word(Level, facts[code].level),
            division=facts[code].division,
            nature=_word(Nature, facts[code].nature),
            managed_by=_word(ManagedBy, facts[code].managed_by),
            ended_on=facts[code].ended_on,
        )
        for each, (by, code) in found.items()
    }


def _roots(connection: Connection, codes: Sequence[str], as_of: int | None) -> dict[str, str]:
    """Give the organ at the root above each organisation."""
    first: Select[*tuple[Any, ...]] = select(
        col(Organisation.code).label("first"), col(Organisation.code), col(Organisation.above)
    )
    first = first.where(past.standing(Organisation, as_of), col(Organisation.code).in_(codes))
    way = first.cte("way", recursive=True)
    further: Select[*tuple[Any, ...]] = select(way.c.first, col(Organisation.code), col(Organisation.above))
    way = way.union(further.where(past.standing(Organisation, as_of), col(Organisation.code) == way.c.above))
    roots = connection.execute(select(way.c.first, way.c.code).where(way.c.above.is_(None)))
    return {row.first: row.code for row in roots}


def _names(connection: Connection, codes: Collection[str], as_of: int | None) -> dict[str, tuple[str, ...]]:
    """Give the names of organisations, the latest first."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for some in _batches(codes):
        named = select(col(OrganisationName.organisation), col(OrganisationName.name)).where(
            past.standing(OrganisationName, as_of), col(OrganisationName.organisation).in_(some)
        )
        for code, name in connection.execute(named.order_by(col(OrganisationName.from_on).desc())):
            found[code].append(name)
    return {code: tuple(names) for code, names in found.items()}


# ---------------------------------------------------------------- following


def _affected(
    connection: Connection, code: str, keys: Collection[str]
) -> list[Row[str, str | None, str | None, str | None]]:
    """Give all apps whose sponsor the tree may know otherwise, or elsewhere, after a change.

    Each question is asked by itself: a database that has no statistics yet finds no good way to ask them together.
    """
    said = select(col(App.id), col(App.credit_code), col(App.sponsor), col(App.root_organ))
    said = said.where(col(App.until).is_(None))
    by_name = (col(App.credit_code) == code, col(App.sponsor_key).in_(keys), col(App.department_key).in_(keys))
    affected = {row.id: row for named in by_name for row in connection.execute(said.where(named))}
    for some in _batches(connection.execute(select(subtree(code, None).c.code)).scalars().all()):
        sponsored = select(col(Sponsorship.app)).where(
            col(Sponsorship.until).is_(None), col(Sponsorship.organisation).in_(some)
        )
        further = [app for app in connection.execute(sponsored).scalars() if app not in affected]
        for apps in _batches(further):
            affected |= {row.id: row for row in connection.execute(said.where(col(App.id).in_(apps)))}
    return [affected[app] for app in sorted(affected)]


def _succeed(
    connection: Connection,
    wanted: Mapping[str, tuple[str, FoundBy] | None],
    since: Mapping[str, int],
    stood: Collection[str],
) -> list[dict[str, object]]:
    live = select(col(Sponsorship.app), col(Sponsorship.organisation), col(Sponsorship.found_by)).where(
        col(Sponsorship.until).is_(None), col(Sponsorship.app).in_(stood)
    )
    there = {app: (code, by) for app, code, by in connection.execute(live)} if stood else {}
    ended = [{"number": since[app], "id": app} for app, sponsor in there.items() if wanted[app] != sponsor]
    if ended:
        end = update(Sponsorship).where(col(Sponsorship.app) == bindparam("id"), col(Sponsorship.until).is_(None))
        connection.execute(end.values(until=bindparam("number", type_=BigInteger)), ended)
    return [
        {"app": app, "since": since[app], "organisation": sponsor[0], "found_by": sponsor[1].value}
        for app, sponsor in wanted.items()
        if sponsor is not None and there.get(app) != sponsor
    ]


# Not as a stretch of ties: PostgreSQL would go through all departments for each app, and has an index by app.
_END = """
UPDATE offers{index} SET until = :revision
 WHERE until IS NULL AND tie <> :tie AND app {among} AND substr(tie, 1, :length) = :first
"""
_BEGIN = """
INSERT INTO offers (tie, division, app, places, facts, since)
SELECT :tie, division, app, places, facts, :revision FROM offers
 WHERE until = :revision AND app {among} AND substr(tie, 1, :length) = :first ORDER BY app, division
"""
_AMONG = {True: "= ANY(CAST(:apps AS varchar[]))", False: "IN (SELECT value FROM json_each(:apps))"}


def _move_offers(write: Write, ties: Mapping[str, str | None]) -> None:
    """Let apps make their department offers under these ties, in every division and with the same facts."""
    by_tie: defaultdict[str, list[str]] = defaultdict(list)
    for app, tie in ties.items():
        if tie is not None:
            by_tie[index_key(tie)].append(app)
    is_postgresql = write.connection.dialect.name == "postgresql"
    index = "" if is_postgresql else " INDEXED BY offers_live_app"
    end, begin = (text(each.format(index=index, among=_AMONG[is_postgresql])) for each in (_END, _BEGIN))
    said = {"revision": write.revision, "first": DEPARTMENT, "length": len(DEPARTMENT)}
    for tie, apps in by_tie.items():
        moved = {**said, "tie": tie, "apps": apps if is_postgresql else orjson.dumps(apps).decode()}
        if write.connection.execute(end, moved).rowcount:
            write.connection.execute(begin, moved)


def _tie(named: Named, recorded: Recorded | None) -> str | None:
    return named.tie if recorded is None else coded_department_tie(recorded.department)


def _placed(prepared: Prepared, found: Recorded | None) -> Prepared:
    if found is None:
        return prepared
    tie = coded_department_tie(found.department)
    offered = [replace(each, tie=tie) if each.tie.startswith(DEPARTMENT) else each for each in prepared.offered]
    return replace(prepared, found=found, offered=offered)


def _batches(things: Iterable[_Thing]) -> Iterator[list[_Thing]]:
    rest = iter(things)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def _word(vocabulary: type[_Word], value: str | None) -> _Word | None:
    return None if value is None else next(word for word in vocabulary if word == value)


if TYPE_CHECKING:
    from typing import TypeVar

    _Thing = TypeVar("_Thing")
    _Word = TypeVar("_Word", Level, Nature, ManagedBy)
