"""Findings in the database: what audits and persons make of them, and how they are found again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col

from services.audit import ledger
from services.audit.attestations import Attested, is_declared
from services.audit.finding_tables import Attestation, AuditedApp, Finding, FindingEvent, Withdrawal
from services.audit.findings import Change, Found, Known, Told, follow, found_by, settled
from services.audit.rectification import STATES, Action, Kind, State
from services.audit.store import recorded
from services.audit.store.finding_events import Pen
from services.audit.store.ledger import open_place
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection

    from services.audit.law import Report
    from services.audit.store.ledger import Open
    from services.manifest.model import Manifest

AT_ONCE = 400
"""How many apps one statement asks for."""

_TOLD = TypeAdapter(Told)


class UnknownFindingError(recorded.UnknownError):
    """There is no finding with this id."""

    noun = Text("发现", "finding")


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit says of one app.

    Args:
        app: its id.
        manifest: what was judged.
        report: the report on it, before the registry revision that it names.
        audit: id of the audit, or of the sweep, that is recorded.
    """

    app: str
    manifest: Manifest
    report: Report
    audit: str


@dataclass(frozen=True, slots=True)
class Happening:
    """What is to happen to a finding: what it is called, what is said of it, and what it changes."""

    action: Action
    said: Mapping[str, Any]
    changed: Mapping[str, Any]


def update(opened: Open, seen: Sequence[Audited], who: str) -> tuple[FindingEvent, ...]:
    """Let audits say what they find, and what they do not find any more.

    What an audit says of an app is passed over when a later day or registry revision was audited before: findings are
    not taken back to what was.

    Args:
        opened: the open place of the ledger, at which the caller records the audits.
        seen: the apps, each once.
        who: the caller.

    Returns:
        What happened to findings, in its order.

    """
    pen = Pen(opened, who)
    for start in range(0, len(seen), AT_ONCE):
        _update(pen, seen[start : start + AT_ONCE])
    return pen.done()


def change(connection: Connection, now: datetime, id: str, who: str, do: Callable[[Finding], Happening]) -> Finding:
    """Let something happen to one finding, with an entry of its own in the ledger.

    Args:
        connection: the transaction, which the caller commits.
        now: the instant, in UTC.
        id: of the finding.
        who: the caller.
        do: says what happens, seeing the finding as nobody else can change it; what it raises is raised.

    Raises:
        UnknownFindingError: there is none.

    """
    opened = open_place(connection, now)
    finding = find(connection, id)
    happening = do(finding)
    pen = Pen(opened, who, now)
    pen.move(finding, happening.action, happening.said, **happening.changed)
    pen.done()
    recorded.close(opened, ledger.Kind.FINDING, id, who)
    return finding


def find(connection: Connection, id: str) -> Finding:
    """Give a finding as it stands.

    Raises:
        UnknownFindingError: there is none.

    """
    row = connection.execute(select(Finding).where(col(Finding.id) == id)).mappings().one_or_none()
    if row is None:
        raise UnknownFindingError(id)
    return Finding(**row)


def app_of(connection: Connection, app: str) -> AuditedApp | None:
    """Give an app as the last audit saw it."""
    row = connection.execute(select(AuditedApp).where(col(AuditedApp.app) == app)).mappings().one_or_none()
    return None if row is None else AuditedApp(**row)


def remember(connection: Connection, seen: Iterable[Audited]) -> None:
    """Keep what an audit saw of apps, for lists and against audits that come too late."""
    rows = [_seen(each) for each in seen]
    if not rows:
        return
    new = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(AuditedApp)
    anew = {name: new.excluded[name] for name in AuditedApp.model_fields if name != "app"}
    connection.execute(new.on_conflict_do_update(index_elements=["app"], set_=anew), rows)


def know(connection: Connection, app: str, manifest: Manifest, revision: int, day: date) -> None:
    """Keep what an app is, unless an audit did so before."""
    new = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(AuditedApp)
    row = _described(app, manifest) | {"revision": revision, "day": day}
    connection.execute(new.on_conflict_do_nothing(), row)


def is_behind(row: AuditedApp | None, day: date, revision: int) -> bool:
    """Tell whether an audit comes too late: a later day or registry revision was audited before."""
    return row is not None and (day < row.day or revision < row.revision)


def standing(connection: Connection, apps: Sequence[str]) -> dict[str, list[tuple[Attestation, bool]]]:
    """Give the attestations on some apps, by app, the oldest first, each with whether it was withdrawn."""
    wanted: Any = (
        select(Attestation.__table__, col(Withdrawal.attestation).label("withdrawn"))  # type: ignore[attr-defined]  # SQLModel's
        .outerjoin(Withdrawal, col(Withdrawal.attestation) == col(Attestation.id))
        .where(col(Attestation.app).in_(apps))
        .order_by(col(Attestation.ledger))
    )
    found: defaultdict[str, list[tuple[Attestation, bool]]] = defaultdict(list)
    for row in connection.execute(wanted).mappings():
        held = dict(row)
        is_withdrawn = held.pop("withdrawn") is not None
        found[held["app"]].append((Attestation(**held), is_withdrawn))
    return found


def attested(row: Attestation) -> Attested:
    """Give what was observed."""
    return Attested(row.id, row.place, orjson.loads(row.observed))


def told_of(row: Finding) -> Told:
    """Give what is the case, as it was told last."""
    return _TOLD.validate_json(row.told)


def new_finding(id: str, app: str, kind: Kind, place: str, told: Told, **more: str | None) -> Finding:
    """Give a finding that is about to be opened."""
    row: dict[str, Any] = {
        "id": id,
        "app": app,
        "kind": kind.value,
        "place": place,
        "told": orjson.dumps(told).decode(),
        "grants": "[]",
        "state": State.OPEN.value,
        **more,
    }
    return Finding(**row)


def _update(pen: Pen, seen: Sequence[Audited]) -> None:
    connection, apps = pen.opened.connection, [each.app for each in seen]
    known: defaultdict[str, list[Finding]] = defaultdict(list)
    wanted = select(Finding).where(col(Finding.app).in_(apps)).order_by(col(Finding.opened))
    for row in connection.execute(wanted).mappings():
        known[row["app"]].append(Finding(**row))
    before = {
        row["app"]: AuditedApp(**row)
        for row in connection.execute(select(AuditedApp).where(col(AuditedApp.app).in_(apps))).mappings()
    }
    observed = standing(connection, [app for app in known if any(each.attestation for each in known[app])])
    followed = []
    for each in seen:
        revision = each.report.revision
        if revision is None or is_behind(before.get(each.app), each.report.on, revision):
            continue
        found = found_by(each.manifest, each.report, each.app)
        if not found and not known[each.app]:
            continue
        _follow(pen, each, known[each.app], found)
        _settle(pen, each, known[each.app], observed.get(each.app, ()))
        followed.append(each)
    remember(connection, followed)


def _follow(pen: Pen, audited: Audited, known: Iterable[Finding], found: dict[str, Found]) -> None:
    rows = {each.id: each for each in known if each.kind == Kind.RULE}
    for made in follow([_known(each) for each in rows.values()], found, audited.manifest, audited.report):
        if made.action is Action.OPEN:
            new = found[made.id]
            finding = new_finding(new.id, audited.app, new.kind, new.place, new.told, rule=new.rule, label=new.label)
            pen.open(finding, _said(made, audited))
        else:
            pen.move(rows[made.id], made.action, _said(made, audited), **_changed(made, rows[made.id]))


def _settle(pen: Pen, audited: Audited, known: Iterable[Finding], observed: Iterable[tuple[Attestation, bool]]) -> None:
    rows = {each.attestation: each for each in known if each.attestation is not None}
    for attestation, is_withdrawn in observed:
        row = rows[attestation.id]
        is_settled = is_withdrawn or is_declared(audited.manifest, attested(attestation))
        made = settled(_known(row), is_settled=is_settled)
        if made is not None:
            pen.move(row, made.action, _said(made, audited), **_changed(made, row))


def _known(row: Finding) -> Known:
    return Known(row.id, row.rule, row.place, STATES[row.state], told_of(row), tuple(orjson.loads(row.grants)))


def _said(made: Change, audited: Audited) -> dict[str, Any]:
    said: dict[str, Any] = {"audit": audited.audit, "day": audited.report.on, "revision": audited.report.revision}
    for name in ("told", "waiver", "verdict"):
        value = getattr(made, name)
        if value is not None:
            said[name] = value
    return said


def _changed(made: Change, row: Finding) -> dict[str, Any]:
    changed: dict[str, Any] = {"state": made.state.value}
    if made.told is not None:
        changed["told"] = orjson.dumps(made.told).decode()
    if made.waiver is not None:
        changed["grants"] = orjson.dumps(made.waiver.grants).decode()
    elif made.state is not State.WAIVED:
        changed["grants"] = "[]"
    if made.action is Action.REOPEN and row.state != State.RECTIFIED:
        # What was planned then is over; what is found again needs a plan and a date of its own.
        changed |= {"plan": None, "unit": None, "due_on": None}
    return changed


def _seen(audited: Audited) -> dict[str, Any]:
    report = audited.report
    seen = {"audit": audited.audit, "revision": report.revision or 0, "day": report.on}
    return _described(audited.app, audited.manifest) | seen


def _described(app: str, manifest: Manifest) -> dict[str, Any]:
    sponsor = manifest.sponsor
    division = None if sponsor is None else sponsor.division
    # The centre is the empty code, which is something else than a division that is not declared.
    province = None if division is None else division[:2]
    return {"app": app, "name": manifest.name, "sponsor": sponsor and sponsor.name, "province": province}
