"""How findings and what happened to them are told."""

from datetime import date, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.audit.finding_tables import FindingEvent
from services.audit.rectification import STATES, Action, Kind, State, is_overdue
from services.audit.store.finding_lists import Listed
from services.text import Text


class FindingView(BaseModel):
    """A finding as it stands."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="编号，历次审查不变 · its id, the same in every audit")
    app: str = Field(description="应用标识 · id of the app")
    name: str | None = Field(description="应用名称（最近一次审查时） · name of the app when it was audited last")
    sponsor: str | None = Field(description="主办单位（最近一次审查时） · its sponsor then")
    province: str | None = Field(
        description="主办单位所在省级代码，空串为中央，null 为未声明 · the sponsor's province; empty: the centre"
    )
    kind: Kind
    rule: str | None = Field(description="规则；核查发现的为 null · the rule; null where something was observed")
    label: str | None = Field(description="规则标号 · label of the rule")
    attestation: str | None = Field(description="核查记录的编号 · id of the attestation")
    place: str = Field(description="位置，列表次序变动时不变 · the place, named so that it stays")
    pointer: str = Field(description="在所审清单中的 JSON 指针 · JSON pointer into the manifest that was judged")
    fact: Text
    remedy: Text
    neighbours: list[str] = Field(description="涉及的其他应用 · other apps involved")
    state: State
    number: int = Field(description="最近一件事的序号，即其 ETag · number of its last event, which is its ETag")
    opened: int = Field(description="首件事在事件流中的号 · serial number of its first event")
    at: datetime = Field(description="最近一件事的时间 · when its last event was")
    grants: list[str] = Field(description="豁免所依据的批准 · the grants that waive it")
    plan: str | None = Field(description="整改计划 · the plan")
    unit: str | None = Field(description="责任单位 · the unit responsible")
    due_on: date | None = Field(description="整改期限（含当日） · the last day for it")
    is_overdue: bool = Field(description="是否已逾期 · whether it is overdue")


class EventView(BaseModel):
    """One thing that happened to a finding."""

    model_config = ConfigDict(frozen=True)

    serial: int = Field(description="在事件流中的号，按提交次序，没有空缺 · its number in the feed, without gaps")
    ledger: int = Field(description="在账本中的位置 · its place in the ledger")
    at: datetime
    who: str
    finding: str
    app: str
    number: int = Field(description="该发现的第几件事 · its number among the events of the finding")
    action: Action
    was: State | None = Field(description="此前的状态 · the state before")
    state: State = Field(description="此后的状态 · the state after")
    said: dict[str, Any] = Field(description="所说的内容，因 action 而异 · what was said, by `action`")


def finding_view(found: Listed, today: date) -> dict[str, Any]:
    """Tell a finding, as `FindingView` describes it."""
    row, app = found.finding, found.app
    told = orjson.loads(row.told)
    return {
        "id": row.id,
        "app": row.app,
        "name": app and app.name,
        "sponsor": app and app.sponsor,
        "province": app and app.province,
        "kind": row.kind,
        "rule": row.rule,
        "label": row.label,
        "attestation": row.attestation,
        "place": row.place,
        **{name: told[name] for name in ("pointer", "fact", "remedy", "neighbours")},
        "state": row.state,
        "number": row.number,
        "opened": row.opened,
        "at": row.at,
        "grants": orjson.loads(row.grants),
        "plan": row.plan,
        "unit": row.unit,
        "due_on": row.due_on,
        "is_overdue": is_overdue(STATES[row.state], row.due_on, today),
    }


def event_view(event: FindingEvent) -> dict[str, Any]:
    """Tell an event, as `EventView` describes it."""
    told = {name: getattr(event, name) for name in EventView.model_fields if name != "said"}
    return {**told, "said": orjson.loads(event.said)}
