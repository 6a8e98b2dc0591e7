"""The change feed over HTTP: every change exactly once, in the order of commits."""

import asyncio
from datetime import datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.values import AppId
from services.registry.api.answers import answer
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.neighbourhoods import TIE
from services.registry.api.watch import watch_of
from services.registry.store import changes
from services.registry.tables import Action, Noun
from services.web import operation

MOST_WAIT_S = 25
"""How long a request may wait: less than proxies and clients wait for an answer as a rule."""

router = APIRouter(prefix="/v1", tags=["changes"])


class EndedOffer(BaseModel):
    """An offer that ended."""

    model_config = ConfigDict(frozen=True)

    tie: str = Field(description="关联键 · the tie")
    division: str = Field(description="服务区域 · the division")
    app: str | None = Field(
        default=None,
        description="应用标识，只在机构的变更中写出；其余即该变更的应用"
        " · id of the app, told where an organisation was changed; else it is the app of the change",
    )


class BegunOffer(EndedOffer):
    """An offer that began."""

    facts: dict[str, Any] = Field(description="规则所看的事实，与邻居中的相同 · the facts, as in neighbourhoods")


class Change(BaseModel):
    """What one revision did. An index that ends what ended and then begins what began is as the registry is."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="登记号 · registry revision")
    noun: Literal["app", "grant", "organisation"] = Field(description="改的是什么 · what was changed")
    id: str = Field(description="其标识 · its id")
    app: str | None = Field(description="所属应用的标识；机构为 null · id of the app; null for an organisation")
    action: Action = Field(description="做了什么 · what was done")
    at: datetime = Field(description="何时 · when")
    who: str = Field(description="何人 · by whom")
    reason: str = Field(description="为何 · why")
    hash: str | None = Field(
        description="应用清单的 SHA-256；批准的变更为 null · of the app's manifest; null for changes of grants"
    )
    grant: dict[str, Any] | None = Field(
        description="该批准此后的样子，与邻居中的相同；应用的变更，以及一天也不算数的批准，为 null"
        " · the grant from now on, as in neighbourhoods; null for changes of apps, and when it counts on no day"
    )
    ended: list[EndedOffer] = Field(description="终止的供给 · offers that ended")
    begun: list[BegunOffer] = Field(description="开始的供给 · offers that began")


class ChangePage(BaseModel):
    """All changes after `since` up to and with `next` that meet the conditions."""

    model_config = ConfigDict(frozen=True)

    revision: int = Field(description="最新的登记号 · the newest registry revision")
    next: int = Field(
        description="下一次请求的 since；小于 revision 时还有更多 · `since` of the next request; there is more while it"
        " is less than `revision`"
    )
    items: list[Change]


class ChangeQuery(BaseModel):
    """Where to continue, the conditions, and how long to wait."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    since: int = Field(
        ge=0,
        lt=10**18,
        description="已读到的登记号：上次答复的 next，或快照的登记号；从头读起写 0"
        " · the registry revision read already: `next` of the last answer, or that of a snapshot; 0 for all",
    )
    noun: list[Literal["app", "grant", "organisation"]] = Field(
        default=[], max_length=3, description="只要这些种类的变更 · changes of these only"
    )
    app: AppId | None = Field(default=None, description="只要这个应用及其批准的变更 · of this app and its grants only")
    tie: list[Annotated[str, Field(max_length=4000, pattern=TIE)]] = Field(
        default=[],
        max_length=20,
        description="只要使这些关联键之一有供给开始或终止的变更"
        " · only changes that began or ended an offer under one of these ties",
    )
    limit: int = Field(default=100, ge=1, le=1000, description="至多多少条 · changes at most")
    wait_s: float = Field(
        default=0,
        ge=0,
        le=MOST_WAIT_S,
        allow_inf_nan=False,
        description="没有变更时至多等候的秒数 · seconds to wait at most while there is none",
    )


@router.get(
    "/changes",
    summary="变更流 · The change feed",
    response_model=ChangePage,
    **operation("read", DATABASE_UNAVAILABLE),
)
async def list_changes(request: Request, query: Annotated[ChangeQuery, Query()]) -> Response:
    """Tell every change after `since`, each exactly once, in the order of commits; none is ever told late.

    `next` moves on over changes that do not meet the conditions. An answer may hold fewer than `limit`, even none,
    while there is more. Whoever waits is answered as soon as there is something to tell, or when the time is over.
    """
    desk, watch = desk_of(request), watch_of(request)
    wanted = changes.Filter(tuple(map(Noun, query.noun)), query.app, tuple(query.tie))
    wait_s = min(query.wait_s, (desk.settings.web.deadline_s or MOST_WAIT_S) / 2)
    clock = asyncio.get_running_loop().time
    ending = clock() + wait_s
    found = await desk.read(changes.since, desk.database, query.since, wanted, limit=query.limit)
    while not found.changes and found.next == found.reached and (left_s := ending - clock()) > 0:
        if not await watch.beyond(found.reached, left_s):
            break
        found = await desk.read(changes.since, desk.database, found.next, wanted, limit=query.limit)
    items = [told(each) for each in found.changes]
    return answer({"revision": found.reached, "next": found.next, "items": items})


def told(change: changes.Change) -> dict[str, Any]:
    """Tell a change, as `Change` describes it."""
    names = ("revision", "noun", "app", "action", "at", "who", "reason", "hash")
    return {
        **{name: getattr(change, name) for name in names},
        "id": change.thing,
        "grant": None if change.grant is None else orjson.Fragment(change.grant),
        "ended": [_offer(change, *offer) for offer in change.ended],
        "begun": [{**_offer(change, *offer), "facts": orjson.Fragment(facts)} for *offer, facts in change.begun],
    }


def _offer(change: changes.Change, tie: str, division: str, app: str) -> dict[str, Any]:
    offer = {"tie": tie, "division": division}
    return offer if change.app is not None else {**offer, "app": app}
