"""Attestations over HTTP: recording what was observed of an app, reading it, and withdrawing it with a reason."""

from datetime import date, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.audits import problem_of
from services.audit.api.checks import REGISTRY_UNAVAILABLE
from services.audit.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.audit.attestations import NoSuchPlaceError, declared_at, declaring
from services.audit.audits import Audits
from services.audit.decisions import ChangedError, RefusedError, UnknownAppError
from services.audit.identity import steady
from services.audit.receipts import Person
from services.audit.registry_client import Registered, RegistryUnavailable
from services.audit.store import attestations as store
from services.audit.store.attestations import Kept, Observation
from services.audit.store.database import Connection
from services.manifest.model import canonical
from services.manifest.reading import Unreadable
from services.manifest.values import AppId, Paragraph
from services.manifest.values import Day as _Day
from services.text import Text
from services.web import CONFLICT, INVALID_VALUE, NOT_FOUND, Fault, Problem, caller_of, operation

router = APIRouter(prefix="/v1", tags=["findings"])

AttestationId = Annotated[str, Path(pattern="^t-[0-9a-f]{24}$", description="核查记录的编号 · id of the attestation")]
Day = Annotated[_Day, Field(strict=True)]


class AttestationRequest(BaseModel):
    """What was observed of a registered app, as the inspector has it before them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: AppId = Field(description="已登记应用的标识 · id of a registered app")
    revision: int = Field(
        ge=1,
        lt=10**18,
        strict=True,
        description="所见应用的登记号（即其 ETag） · its revision (its ETag) as it was read",
    )
    place: str = Field(
        max_length=4000,
        pattern="^(/[A-Za-z0-9_]+)+$",
        description="清单中的 JSON 指针，如 /features/2/forced · JSON pointer into its manifest",
    )
    observed: Any = Field(
        description="实际情况：该字段可取的值，不能为 null · what is so in fact: a value the field may take, not null"
    )
    observed_on: Day = Field(description="核查日期 · the day of the observation")
    person: Person = Field(description="核查人：姓名和职务 · who observed it: name and role")
    basis: Paragraph = Field(description="依据，如检查笔录 · what it rests on, such as the record of an inspection")


class WithdrawalRequest(BaseModel):
    """Who withdraws an attestation, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    person: Person = Field(description="撤回的人：姓名和职务 · who withdraws it: name and role")
    reason: Paragraph = Field(description="理由 · the reason")


class WithdrawalView(BaseModel):
    """That an attestation was withdrawn."""

    model_config = ConfigDict(frozen=True)

    ledger: int
    at: datetime
    who: str
    person: Person
    reason: str


class AttestationView(BaseModel):
    """An attestation."""

    model_config = ConfigDict(frozen=True)

    id: str
    ledger: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime
    who: str
    app: str
    stated: int = Field(description="所见应用的登记号 · revision of the app")
    pointer: str
    place: str = Field(description="位置，列表次序变动时不变 · the place, named so that it stays")
    declared: Any = Field(description="声明的值，未声明为 null · what is declared; null when nothing")
    observed: Any = Field(description="实际情况 · what is so in fact")
    observed_on: date
    person: Person
    basis: str
    finding: str = Field(description="由此产生的发现 · the finding it makes")
    withdrawn: WithdrawalView | None


@router.post(
    "/attestations",
    status_code=201,
    summary="记录核查到的实际情况 · Record what was observed",
    response_model=AttestationView,
    **operation("approve", NOT_FOUND, CONFLICT, REGISTRY_UNAVAILABLE, DATABASE_UNAVAILABLE, is_once=True),
)
async def attest(request: Request, said: AttestationRequest) -> Response:
    """Record an observed fact that contradicts the declaration: it opens a finding of its own.

    Audits of the app tell from then on what the engine says of the declaration, and what it would say of the facts. An
    audit settles the finding when the declaration says what was observed, or when the attestation was withdrawn.
    """
    audits: Audits = request.state.audits
    desk, who = desk_of(request), caller_of(request).name
    try:
        registered = await audits.registered(said.app)
    except (UnknownAppError, RegistryUnavailable) as reason:
        raise problem_of(reason) from reason
    observation = await desk.read(_observation, desk, said, registered)

    def work(connection: Connection) -> Kept:
        return store.attest(connection, observation, who, desk.database.now())

    return await desk.answer_once(
        request, lambda kept: _told(kept, 201, {"Location": f"/v1/attestations/{kept.row.id}"}), work
    )


@router.get(
    "/attestations/{id}",
    summary="一份核查记录 · An attestation",
    response_model=AttestationView,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_attestation(request: Request, id: AttestationId) -> Response:
    """Give an attestation, and its withdrawal if it was withdrawn."""
    desk = desk_of(request)
    return _told(await desk.read(store.read, desk.database, id))


@router.post(
    "/attestations/{id}/withdrawal",
    status_code=201,
    summary="撤回核查记录 · Withdraw an attestation",
    response_model=AttestationView,
    **operation("approve", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def withdraw_attestation(request: Request, id: AttestationId, said: WithdrawalRequest) -> Response:
    """Withdraw an attestation, with a reason. It stays on record; the next audit of the app settles its finding."""
    desk, who = desk_of(request), caller_of(request).name

    def work(connection: Connection) -> Kept:
        return store.withdraw(connection, id, said.person, said.reason, who, desk.database.now())

    return await desk.answer_once(request, lambda kept: _told(kept, 201), work)


def _observation(desk: Desk, said: AttestationRequest, registered: Registered) -> Observation:
    """Give what was observed, as it is recorded.

    Raises:
        RefusedError: the place, the value or the day cannot be.
        ChangedError: the app is not at that revision any more.
        Problem: the value is none that the field may take.

    """
    if registered.revision != said.revision:
        fact = Text(f"应用 {said.app} 已不是这个版本", f"the app {said.app} is not at that revision any more")
        raise ChangedError("/revision", fact, Text("重新读取该应用", "read the app again"))
    if said.observed_on > desk.today:
        fact = Text(f"{said.observed_on} 在今天之后", f"{said.observed_on} lies after today")
        raise RefusedError("/observed_on", fact, Text("写核查的日期", "give the day of the observation"))
    manifest = registered.manifest
    try:
        if said.observed is None:
            fact = Text("没有写明实际情况", "what was observed is missing")
            raise RefusedError("/observed", fact, Text("写该字段可取的值", "give a value that the field may take"))
        supposed = declaring(manifest, said.place, said.observed)
        declared = declared_at(manifest, said.place)
    except NoSuchPlaceError:
        fact = Text(f"清单中没有 {said.place}", f"the manifest has no place {said.place}")
        raise RefusedError("/place", fact, Text("写清单中的 JSON 指针", "give a JSON pointer into it")) from None
    except Unreadable as error:
        faults = [Fault(_within(said.place, each.pointer), each.detail, each.remedy) for each in error.problems]
        raise Problem(INVALID_VALUE, errors=faults) from error
    if canonical(supposed) == canonical(manifest):
        fact = Text("与声明一致，没有不符之处", "that is what is declared: there is no contradiction")
        raise RefusedError("/observed", fact, Text("核对所核查的字段", "check the field"))
    names = (said.place in {"/id", "/manifest"}, steady(supposed, said.place) != steady(manifest, said.place))
    if any(names):
        fact = Text(f"{said.place} 是名称，不是可核查的事实", f"{said.place} is a name, and no fact to be observed")
        raise RefusedError("/place", fact, Text("写事实所在的字段", "give the field of the fact"))
    told = (manifest, said.place, declared, said.observed)
    return Observation(said.app, said.revision, *told, said.observed_on, said.person, said.basis)


def _within(place: str, pointer: str) -> str:
    """Say where in the request a problem of the manifest stands that would declare what was observed."""
    is_inside = pointer == place or pointer.startswith(f"{place}/")
    return f"/observed{pointer.removeprefix(place)}" if is_inside else "/observed"


def _told(kept: Kept, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    row, withdrawal = kept.row, kept.withdrawal
    body = row.model_dump() | {
        "declared": orjson.loads(row.declared),
        "observed": orjson.loads(row.observed),
        "person": {"name": row.person, "role": row.role},
        "withdrawn": None,
    }
    del body["role"]
    if withdrawal is not None:
        person = {"name": withdrawal.person, "role": withdrawal.role}
        body["withdrawn"] = {
            **{name: getattr(withdrawal, name) for name in ("ledger", "at", "who", "reason")},
            "person": person,
        }
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
