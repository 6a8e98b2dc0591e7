"""Deliveries over HTTP: what was tried, what nobody received, and trying that once more."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.answers import answer, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.subscriptions import Cursor, Id, Limit, owner_of
from services.registry.store import subscriptions
from services.web import CONFLICT, INVALID_CURSOR, NOT_FOUND, decode_cursor, operation

router = APIRouter(prefix="/v1", tags=["subscriptions"])


Revision = Annotated[int, Field(ge=1, lt=10**18)]


class ToldDelivery(BaseModel):
    """One attempt to deliver a change."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="登记号，即事件的 id · the registry revision, which is the event's id")
    attempt: int = Field(description="第几次尝试 · which attempt")
    at: datetime = Field(description="何时 · when")
    took_ms: int = Field(description="用时（毫秒）· milliseconds it took")
    status: int | None = Field(description="接收方答复的状态码 · status of the receiver's answer, if there was one")
    error: str | None = Field(description="失败的原因；成功为 null · why it failed; null: it was received")


class DeliveryPage(BaseModel):
    """A page of attempts, the newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[ToldDelivery]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class ToldDeadLetter(BaseModel):
    """A change that could not be delivered."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="登记号，即事件的 id · the registry revision, which is the event's id")
    attempts: int = Field(description="尝试过几次 · how often it was tried")
    dead_at: datetime = Field(description="何时放弃 · when it was given up")
    error: str = Field(description="最后一次失败的原因 · why the last attempt failed")
    ordered_at: datetime | None = Field(
        description="何时要求重投，尚未进行 · when redelivery was ordered that is to come"
    )
    delivered_at: datetime | None = Field(description="何时重投成功 · when it was received after all")


class DeadLetterPage(BaseModel):
    """A page of dead letters in the order of changes."""

    model_config = ConfigDict(frozen=True)

    items: list[ToldDeadLetter]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class Redelivery(BaseModel):
    """Which dead letters are to be tried once more."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    revisions: Annotated[list[Annotated[int, Field(ge=1, lt=10**18)]], Field(min_length=1, max_length=1000)] | None = (
        Field(
            default=None,
            description="哪些登记号；不写为全部未送达的，一次至多 1000 个"
            " · which registry revisions; without it all that were not received, 1000 at most",
        )
    )


class Ordered(BaseModel):
    """How many dead letters will be tried once more."""

    model_config = ConfigDict(frozen=True)

    ordered: int = Field(description="个数 · how many")


@router.get(
    "/subscriptions/{id}/deliveries",
    summary="投递记录 · Attempts to deliver",
    response_model=DeliveryPage,
    **operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_deliveries(request: Request, id: Id, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List every attempt of a subscription, the newest first, as long as attempts are kept."""
    desk, filters = desk_of(request), {"subscription": id}
    before = None if cursor is None else int(decode_cursor(cursor, filters, {"before": int})["before"])
    owner = owner_of(request)
    page = await desk.read(subscriptions.deliveries, desk.database, id, owner, limit=limit, before=before)
    following: str | None = None
    headers: dict[str, str] = {}
    if page.has_more:
        following, headers = next_page(request, {"before": page.rows[-1].id or 0}, filters)
    items = [{name: getattr(each, name) for name in ToldDelivery.model_fields} for each in page.rows]
    return answer({"items": items, "next": following}, headers=headers)


@router.get(
    "/subscriptions/{id}/dead-letters",
    summary="死信 · Dead letters",
    response_model=DeadLetterPage,
    **operation("read", NOT_FOUND, INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_dead_letters(request: Request, id: Id, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List the changes that could not be delivered, however often they were tried; also those received since."""
    desk, filters = desk_of(request), {"subscription": id}
    after = 0 if cursor is None else int(decode_cursor(cursor, filters, {"after": int})["after"])
    owner = owner_of(request)
    page = await desk.read(subscriptions.dead_letters, desk.database, id, owner, limit=limit, after=after)
    following: str | None = None
    headers: dict[str, str] = {}
    if page.has_more:
        following, headers = next_page(request, {"after": page.rows[-1].revision}, filters)
    items = [{name: getattr(each, name) for name in ToldDeadLetter.model_fields} for each in page.rows]
    return answer({"items": items, "next": following}, headers=headers)


@router.post(
    "/subscriptions/{id}/redeliver",
    summary="重投死信 · Redeliver dead letters",
    status_code=202,
    response_model=Ordered,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def redeliver(request: Request, id: Id, redelivery: Redelivery) -> Response:
    """Try dead letters once more, each in one attempt, soon after the answer; a paused subscription's too."""
    desk = desk_of(request)
    return await desk.answer_once(
        request,
        lambda count: answer({"ordered": count}, status=202),
        subscriptions.order_redelivery,
        desk.database,
        id,
        owner_of(request),
        redelivery.revisions,
    )
