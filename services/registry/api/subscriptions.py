"""Subscriptions over HTTP: who is told of which changes, and where."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.values import Line, unacceptable
from services.registry.api.answers import answer, next_page
from services.registry.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.registry.api.neighbourhoods import TIE
from services.registry.api.reasons import Why
from services.registry.filters import AppFilter
from services.registry.store import subscriptions
from services.registry.store.subscriptions import Told
from services.registry.tables import Action, Noun, Subscription, SubscriptionState
from services.registry.webhooks import addresses, messages
from services.text import Text
from services.web import (
    CONFLICT,
    INVALID_CURSOR,
    INVALID_VALUE,
    NOT_FOUND,
    Fault,
    Problem,
    caller_of,
    decode_cursor,
    etag,
    operation,
    require_if_match,
)

router = APIRouter(prefix="/v1", tags=["subscriptions"])

Id = Annotated[str, Path(pattern=r"^s[0-9a-f]{16}$", description="订阅编号 · id of the subscription")]
Limit = Annotated[int, Query(ge=1, le=1000, description="每页条数 · entries on a page")]
Cursor = Annotated[str | None, Query(max_length=2048, description="上一页的 next · `next` of the page before")]

_NOUNS = frozenset(Noun) - {Noun.REGISTRY}
_ACTIONS = frozenset(Action) - {Action.FOUND}


def _type(text: str) -> str:
    noun, _, action = text.partition(".")
    if noun not in _NOUNS or action not in _ACTIONS:
        fact = Text(f"没有事件类型 {text}。", f"There is no event type {text}.")
        nouns, actions = ", ".join(sorted(_NOUNS)), ", ".join(sorted(_ACTIONS))
        zh = f"写成 对象.动作，如 app.register；对象有 {nouns}，动作有 {actions}。"
        en = f"Write noun.action, such as app.register; nouns are {nouns}, actions {actions}."
        raise unacceptable("event_type", fact, Text(zh, en))
    return text


EventType = Annotated[str, Field(max_length=100, pattern=r"^[a-z_]+\.[a-z_]+$"), AfterValidator(_type)]
Tie = Annotated[str, Field(max_length=4000, pattern=TIE)]
Url = Annotated[str, Field(min_length=1, max_length=addresses.MOST_CHARACTERS)]
Types = Annotated[
    list[EventType],
    Field(
        max_length=100,
        description="只要这些事件（对象.动作，如 app.register）；空为全部"
        " · these events only (noun.action, such as app.register); empty: all",
    ),
]
Ties = Annotated[
    list[Tie],
    Field(
        max_length=20,
        description="只要使这些关联键之一有供给开始或终止的变更；空为不限"
        " · only changes that began or ended an offer under one of these ties; empty: all",
    ),
]
Filter = Annotated[
    AppFilter | None,
    Field(
        description="只要变更之前或之后符合这些条件的应用的变更，写法同列表"
        " · only changes of apps that meet these conditions before or after it, as in lists"
    ),
]
Description = Annotated[Line | None, Field(description="说明 · what it is for")]


class NewSubscription(BaseModel):
    """A subscription to be made. All conditions hold together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Url = Field(description="投递到的网址 · where webhooks are posted")
    description: Description = None
    types: Types = []
    ties: Ties = []
    filter: Filter = None
    since: int | None = Field(
        default=None,
        ge=0,
        lt=10**18,
        description="从哪个登记号以后的变更开始；不写为从现在开始"
        " · tells the changes after this registry revision; without it, from now on",
    )


class ChangedSubscription(BaseModel):
    """What is to be changed of a subscription; what is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Url = Field(default="-", description="投递到的网址 · where webhooks are posted")
    description: Description = None
    types: Types = []
    ties: Ties = []
    filter: Filter = None
    state: Literal["active", "paused"] = Field(
        default="active",
        description="暂停，或恢复并立即重试；期间的变更恢复后补投"
        " · paused, or active again and tried at once; what happened meanwhile is delivered then",
    )


class Ending(BaseModel):
    """Why a subscription ends."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Why = Field(description="理由 · the reason")


class SecretDays(BaseModel):
    """Since when a secret signs, and until when it does beside its successor."""

    model_config = ConfigDict(frozen=True)

    since: datetime
    until: datetime | None


class ToldSubscription(BaseModel):
    """A subscription, and how far its deliveries have got."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="订阅编号 · id")
    owner: str = Field(description="所有者 · whose it is")
    url: str = Field(description="投递到的网址 · where webhooks are posted")
    description: str | None = Field(description="说明 · what it is for")
    types: list[str] = Field(description="事件类型 · event types")
    ties: list[str] = Field(description="关联键 · ties")
    filter: dict[str, Any] | None = Field(description="应用的条件 · conditions on apps")
    state: Literal["active", "failing", "paused", "ended"] = Field(
        description="failing：最近一次投递失败，将按时重试 · failing: the last attempt failed, another one follows"
    )
    state_reason: str | None = Field(description="暂停或终止的原因 · why it is paused or has ended")
    cursor: int = Field(
        description="到这个登记号为止的变更都已投递或成为死信"
        " · all changes up to this registry revision were delivered, or are dead letters"
    )
    tries: int = Field(description="下一个变更已失败的次数 · failed attempts at the next change")
    next_at: datetime | None = Field(description="下一次尝试不早于 · the next attempt, not before")
    failing_since: datetime | None = Field(description="自何时起失败 · since when it fails")
    delivered_at: datetime | None = Field(description="最近一次成功 · the last success")
    last_error: str | None = Field(description="最近一次失败的原因 · why the last attempt failed")
    created_at: datetime = Field(description="何时建立 · when it was made")
    ended_at: datetime | None = Field(description="何时终止 · when it ended")
    secrets: list[SecretDays] = Field(description="现用的密钥，不含其内容 · the secrets that sign, not what they are")


class NewlyMade(ToldSubscription):
    """A subscription with its new secret, which is shown this once."""

    secret: str = Field(description="新密钥，只显示这一次 · the new secret, shown this once")


class SubscriptionPage(BaseModel):
    """A page of subscriptions in the order in which they were made."""

    model_config = ConfigDict(frozen=True)

    items: list[ToldSubscription]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


@router.post(
    "/subscriptions",
    summary="建立订阅 · Make a subscription",
    status_code=201,
    response_model=NewlyMade,
    **operation("write", CONFLICT, DATABASE_UNAVAILABLE, is_once=True),
)
async def create_subscription(request: Request, new: NewSubscription) -> Response:
    """Have changes posted to a URL, signed with a secret of the subscription's own, which the answer tells this once.

    A change is delivered at least once, in the order of the feed, and with the same `webhook-id` every time.
    """
    desk, secret = desk_of(request), messages.new_secret()
    _check(desk, new.url)
    terms = _columns(new, {"url", "description", "types", "ties", "filter"})
    at_most = desk.settings.webhooks.max_subscriptions

    def tell(made: Told) -> Response:
        return answer(
            {**told(made), "secret": secret},
            revision=made.subscription.version,
            status=201,
            headers={"Location": f"/v1/subscriptions/{made.subscription.id}", "Cache-Control": "no-store"},
        )

    owner = caller_of(request).name
    return await desk.answer_once(
        request, tell, subscriptions.create, desk.database, owner, terms, new.since, secret, at_most=at_most
    )


@router.get(
    "/subscriptions",
    summary="订阅的列表 · Subscriptions",
    response_model=SubscriptionPage,
    **operation("read", INVALID_CURSOR, DATABASE_UNAVAILABLE),
)
async def list_subscriptions(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List the caller's subscriptions, ended ones too; those of everybody for who holds the scope `admin`."""
    desk, owner = desk_of(request), owner_of(request)
    after = 0 if cursor is None else int(decode_cursor(cursor, {"owner": owner}, {"number": int})["number"])
    page = await desk.read(subscriptions.page, desk.database, owner, limit=limit, after=after)
    following: str | None = None
    headers: dict[str, str] = {}
    if page.has_more:
        last = page.rows[-1].subscription.number or 0
        following, headers = next_page(request, {"number": last}, {"owner": owner})
    return answer({"items": [told(each) for each in page.rows], "next": following}, headers=headers)


@router.get(
    "/subscriptions/{id}",
    summary="一个订阅 · One subscription",
    response_model=ToldSubscription,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE),
)
async def get_subscription(request: Request, id: Id) -> Response:
    """Give a subscription, and how far its deliveries have got.

    Its ETag names the version that its owner has made of it, and does not move with deliveries.
    """
    desk = desk_of(request)
    found = await desk.read(subscriptions.get, desk.database, id, owner_of(request))
    return answer(told(found), revision=found.subscription.version)


@router.patch(
    "/subscriptions/{id}",
    summary="更改、暂停或恢复订阅 · Change, pause or resume a subscription",
    response_model=ToldSubscription,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def change_subscription(request: Request, id: Id, change: ChangedSubscription) -> Response:
    """Change what the body names; a subscription that waits for its next attempt is tried at once."""
    desk = desk_of(request)
    if "url" in change.model_fields_set:
        _check(desk, change.url)
    values = _columns(change, change.model_fields_set)
    if "state" in change.model_fields_set:
        values |= {"state": SubscriptionState(change.state), "state_reason": None}
    return await desk.answer_once(
        request,
        lambda changed: answer(told(changed), revision=changed.subscription.version),
        subscriptions.change,
        desk.database,
        id,
        owner_of(request),
        _guard(request),
        values,
    )


@router.post(
    "/subscriptions/{id}/end",
    summary="终止订阅 · End a subscription",
    response_model=ToldSubscription,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def end_subscription(request: Request, id: Id, ending: Ending) -> Response:
    """End a subscription: nothing more is delivered. It stays on record."""
    desk = desk_of(request)
    values = {"state": SubscriptionState.ENDED, "state_reason": ending.reason}
    return await desk.answer_once(
        request,
        lambda ended: answer(told(ended), revision=ended.subscription.version),
        subscriptions.change,
        desk.database,
        id,
        owner_of(request),
        _guard(request),
        values,
    )


@router.post(
    "/subscriptions/{id}/rotate",
    summary="更换密钥 · Replace the secret",
    response_model=NewlyMade,
    **operation("write", NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE, conditional="change", is_once=True),
)
async def rotate_secret(request: Request, id: Id) -> Response:
    """Give a subscription a new secret, which the answer tells this once; for a while, the old one signs beside it."""
    desk, secret = desk_of(request), messages.new_secret()
    overlap = timedelta(hours=desk.settings.webhooks.overlap_h)

    def tell(changed: Told) -> Response:
        body = {**told(changed), "secret": secret}
        return answer(body, revision=changed.subscription.version, headers={"Cache-Control": "no-store"})

    owner = owner_of(request)
    return await desk.answer_once(
        request,
        tell,
        subscriptions.rotate,
        desk.database,
        id,
        owner,
        _guard(request),
        secret,
        overlap,
    )


def owner_of(request: Request) -> str | None:
    """Give whose subscriptions the caller may know of: their own; None, which is all, for an administrator."""
    caller = caller_of(request)
    return None if "admin" in caller.scopes else caller.name


def told(of: Told) -> dict[str, Any]:
    """Tell a subscription, as `ToldSubscription` describes it."""
    found = of.subscription
    plain = ("id", "owner", "url", "description", "state", "state_reason", "cursor", "tries", "next_at")
    days = ("failing_since", "delivered_at", "last_error", "created_at", "ended_at")
    return {
        **{name: getattr(found, name) for name in (*plain, *days)},
        "types": orjson.loads(found.types),
        "ties": orjson.loads(found.ties),
        "filter": None if found.filter is None else orjson.loads(found.filter),
        "secrets": [{"since": since, "until": until} for since, until in of.secrets],
    }


def _columns(said: NewSubscription | ChangedSubscription, names: set[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(said, name) for name in ("url", "description") if name in names}
    columns |= {name: _json(sorted(set(getattr(said, name)))) for name in ("types", "ties") if name in names}
    if "filter" in names:
        wanted = said.filter
        columns["filter"] = None if wanted is None else _json(wanted.model_dump(mode="json", exclude_defaults=True))
    return columns


def _json(value: list[str] | Mapping[str, Any]) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _check(desk: Desk, url: str) -> None:
    try:
        addresses.target(url, desk.settings.webhooks)
    except addresses.UrlRefusedError as error:
        raise Problem(INVALID_VALUE, errors=[Fault("/url", error.fact, error.remedy)]) from error


def _guard(request: Request) -> Callable[[Subscription], None]:
    def guard(current: Subscription) -> None:
        require_if_match(request, etag(current.version))

    return guard
