"""Attestations in the database: each opens a finding of its own, which an audit settles once it may."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import insert, select
from sqlmodel import col

from services.audit.decisions import ChangedError
from services.audit.finding_tables import Attestation, Withdrawal
from services.audit.findings import Told, attested_id
from services.audit.identity import steady
from services.audit.ledger import Kind as Recorded
from services.audit.rectification import Action, Kind
from services.audit.store import findings, recorded
from services.audit.store.finding_events import Pen
from services.audit.store.ledger import open_place
from services.manifest.quoting import shown
from services.text import Text

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

    from services.audit.receipts import Person
    from services.audit.store.database import Database
    from services.manifest.model import Manifest

_LONGEST = 200


class UnknownAttestationError(recorded.UnknownError):
    """There is no attestation with this id."""

    noun = Text("核查记录", "attestation")


@dataclass(frozen=True, slots=True)
class Observation:
    """What an inspector observed of a registered app.

    Args:
        app: its id.
        stated: its revision.
        manifest: what it declares.
        pointer: JSON pointer of the place.
        declared: what it declares there (JSON); None when nothing.
        observed: what is so in fact (JSON).
        observed_on: the day of the observation.
        person: who observed it.
        basis: what the observation rests on.
    """

    app: str
    stated: int
    manifest: Manifest
    pointer: str
    declared: Any
    observed: Any
    observed_on: date
    person: Person
    basis: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An attestation, and its withdrawal if it was withdrawn."""

    row: Attestation
    withdrawal: Withdrawal | None


def attest(connection: Connection, observation: Observation, who: str, now: datetime) -> Kept:
    """Record what was observed, and open its finding."""
    opened = open_place(connection, now)
    id = f"t-{secrets.token_hex(12)}"
    place = steady(observation.manifest, observation.pointer)
    row: dict[str, Any] = {
        "id": id,
        "ledger": opened.place,
        "at": opened.at,
        "who": who,
        "app": observation.app,
        "stated": observation.stated,
        "pointer": observation.pointer,
        "place": place,
        "declared": orjson.dumps(observation.declared).decode(),
        "observed": orjson.dumps(observation.observed).decode(),
        "observed_on": observation.observed_on,
        "person": observation.person.name,
        "role": observation.person.role,
        "basis": observation.basis,
        "finding": attested_id(id),
    }
    connection.execute(insert(Attestation), row)
    pen = Pen(opened, who, now)
    finding = findings.new_finding(
        attested_id(id), observation.app, Kind.ATTESTATION, place, _told(observation), attestation=id
    )
    pen.open(finding, {"attestation": id})
    pen.done()
    findings.know(connection, observation.app, observation.manifest, observation.stated, pen.today)
    recorded.close(opened, Recorded.ATTESTATION, id, who)
    return Kept(Attestation(**row), None)


def withdraw(connection: Connection, id: str, person: Person, reason: str, who: str, now: datetime) -> Kept:
    """Record that an attestation is withdrawn; the next audit then settles its finding.

    Raises:
        UnknownAttestationError: there is none.
        ChangedError: it was withdrawn before.

    """
    opened = open_place(connection, now)
    kept = find(connection, id)
    if kept.withdrawal is not None:
        fact = Text("该核查记录已经撤回", "the attestation was withdrawn before")
        raise ChangedError("{id}", fact, Text("无须再撤回", "nothing is left to be done"))
    row: dict[str, Any] = {
        "attestation": id,
        "ledger": opened.place,
        "at": opened.at,
        "who": who,
        "person": person.name,
        "role": person.role,
        "reason": reason,
    }
    connection.execute(insert(Withdrawal), row)
    pen = Pen(opened, who, now)
    pen.move(findings.find(connection, kept.row.finding), Action.WITHDRAW, {"attestation": id, "reason": reason})
    pen.done()
    recorded.close(opened, Recorded.ATTESTATION, id, who)
    return Kept(kept.row, Withdrawal(**row))


def find(connection: Connection, id: str) -> Kept:
    """Give an attestation.

    Raises:
        UnknownAttestationError: there is none.

    """
    row = connection.execute(select(Attestation).where(col(Attestation.id) == id)).mappings().one_or_none()
    if row is None:
        raise UnknownAttestationError(id)
    wanted = select(Withdrawal).where(col(Withdrawal.attestation) == id)
    withdrawn = connection.execute(wanted).mappings().one_or_none()
    return Kept(Attestation(**row), None if withdrawn is None else Withdrawal(**withdrawn))


def read(database: Database, id: str) -> Kept:
    """Give an attestation.

    Raises:
        UnknownAttestationError: there is none.

    """
    with database.reading() as connection:
        return find(connection, id)


def _told(observation: Observation) -> Told:
    declared = _shown(observation.declared)
    observed = _shown(observation.observed)
    said = "未声明" if observation.declared is None else f"声明为 {declared}"
    also = "nothing is declared" if observation.declared is None else f"{declared} is declared"
    day = observation.observed_on
    return Told(
        observation.pointer,
        Text(f"{said}，{day} 核查实际为 {observed}", f"{also}, and on {day} it was observed to be {observed}"),
        Text(
            "更正声明，或由核查人说明理由后撤回核查记录，再经审查复核",
            "correct the declaration, or have the attestation withdrawn with a reason; then audit the app again",
        ),
    )


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    return shown(orjson.dumps(value).decode(), _LONGEST)
