"""What is told of sweeps: how far they have come, what they found, and how they differ."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from services.audit.differences import Cause
from services.audit.law import Outcome, Verdict
from services.audit.store.sweep_results import Differing
from services.audit.sweep_tables import SweepContent, SweepState
from services.audit.sweeps import VERDICTS
from services.manifest.terms import Level
from services.manifest.values import Day

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.store.following_sweeps import Change
    from services.audit.store.sweep_results import Found, Group
    from services.audit.store.sweeps import Progress
    from services.audit.sweep_tables import Sweep


class SweepView(BaseModel):
    """A sweep, and how far it has come."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="筛查的标识 · id of the sweep")
    state: SweepState = Field(
        description="running 进行中，following 跟随登记系统，done 完成，cancelled 已取消，failed 失败"
        " · how far it has come; a sweep that is `following` stays current"
    )
    filter: dict[str, list[str]] = Field(description="筛选条件（登记系统的） · the registry's conditions")
    on: Day = Field(description="判断的日期 · the day judged")
    law: str = Field(description="法规版本 · version of the law")
    revision: int = Field(description="所见的登记号 · the registry revision that is seen")
    who: str = Field(description="请求的调用方 · the caller who asked for it")
    begun_at: datetime = Field(description="何时开始 · when it began")
    ended_at: datetime | None = Field(description="何时结束 · when it ended")
    reason: str | None = Field(description="为何结束 · why it ended")
    total: int = Field(ge=0, description="应用总数 · apps in all")
    done: int = Field(ge=0, description="已有结果的 · apps with a result")
    judged: int = Field(ge=0, description="其中新判断的，其余与此前相同 · those judged anew; the others are as before")
    parts: int = Field(description="分为几份 · into how many parts it is cut")
    parts_done: int = Field(description="已完成几份 · parts that are done")
    per_second: float | None = Field(description="自开始以来每秒应用数 · apps per second since it began")
    left_s: float | None = Field(description="估计还要多少秒 · estimated seconds left; null unless it is running")
    follows: bool = Field(description="完成后是否跟随登记系统 · whether it stays current after it was done")
    certain_at: datetime | None = Field(
        description="跟随中：截至何时确知没有更新的登记号 · following: when it was last certain that nothing is newer"
    )
    succeeded_by: str | None = Field(
        description="接替它的筛查（如新的一天） · the sweep that took its place, as on another day"
    )


class SweepPage(BaseModel):
    """A page of sweeps, the newest first."""

    model_config = ConfigDict(frozen=True)

    items: list[SweepView]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class ResultView(BaseModel):
    """The result of a sweep for one app."""

    model_config = ConfigDict(frozen=True)

    app: str = Field(description="应用标识 · id of the app")
    outcome: Outcome = Field(description="结论 · how it turned out")
    hash: str = Field(description="清单的哈希 · hash of the manifest")
    level: Level | None = Field(description="主办单位层级 · level of the sponsor")
    province: str | None = Field(description="主办单位所在省级区划（两位） · province of the sponsor, two digits")
    department: str | None = Field(description="所属部门 · department of the sponsor")
    verdicts: dict[str, Verdict] = Field(
        description="各规则的结论，不适用的不列 · verdict of every rule, but for those not applicable"
    )


class ResultPage(BaseModel):
    """A page of results, in the order of the apps' ids."""

    model_config = ConfigDict(frozen=True)

    items: list[ResultView]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class DifferenceView(BaseModel):
    """How two sweeps differ in one app."""

    model_config = ConfigDict(frozen=True)

    app: str = Field(description="应用标识 · id of the app")
    before: Outcome | None = Field(
        description="此前的结论；此前没有它则为 null · outcome before; null when it was not there"
    )
    after: Outcome | None = Field(
        description="此后的结论；此后没有它则为 null · outcome after; null when it is not there"
    )
    causes: list[Cause] = Field(description="因何不同 · what differs between the two cases")
    newly_violated: list[str] = Field(description="新违反的规则 · rules violated now and not before")
    no_longer_violated: list[str] = Field(description="不再违反的规则 · rules violated before and not now")


class ChangeView(DifferenceView):
    """How a result of a chain of sweeps was replaced."""

    number: int = Field(description="序号，作为下一次的 since · its number; the next `since`")
    sweep: str = Field(description="有此后结论的筛查 · the sweep that has the outcome after")
    revision: int = Field(description="据以判断的登记号 · the registry revision as of which it was judged")
    on: Day = Field(description="判断的日期 · the day judged")
    at: datetime = Field(description="何时 · when")
    neighbours: list[str] = Field(
        description="因其变化而重新判断的其他应用，至多 20 个 · other apps whose changes brought it about, 20 at most"
    )


class ChangeFeed(BaseModel):
    """What has changed in a chain of sweeps, in order."""

    model_config = ConfigDict(frozen=True)

    items: list[ChangeView]
    next: int = Field(description="下一次的 since · the next `since`")


class DifferencePage(BaseModel):
    """A page of the difference of two sweeps, in the order of the apps' ids."""

    model_config = ConfigDict(frozen=True)

    since: str = Field(description="与之比较的筛查 · the sweep compared with")
    items: list[DifferenceView]
    next: str | None = Field(description="下一页的 cursor，没有则为 null · cursor of the next page, if there is one")


class GroupView(BaseModel):
    """How many apps of a group there are."""

    model_config = ConfigDict(frozen=True)

    name: str | None = Field(description="组名；没有声明的为 null · name of the group; null where undeclared")
    sweep: str | None = Field(
        default=None, description="按月时，该月最后一次筛查 · by month: the last sweep of the month"
    )
    apps: int = Field(ge=0, description="应用数 · apps")
    outcomes: dict[str, int] = Field(description="各结论的应用数 · apps by outcome")
    verdicts: dict[str, int] = Field(description="各规则结论数之和 · verdicts of rules, by kind")


class Statistics(BaseModel):
    """The results of a sweep, counted."""

    model_config = ConfigDict(frozen=True)

    by: str = Field(description="按什么分组 · by what the apps are grouped")
    groups: list[GroupView]


def sweep_view(sweep: Sweep, progress: Progress, now: datetime) -> dict[str, Any]:
    """Tell a sweep, as `SweepView` describes it."""
    is_running = sweep.state == SweepState.RUNNING
    took_s = ((sweep.ended_at or now) - sweep.begun_at).total_seconds()
    # How long it has been followed says nothing of how fast it was.
    per_second = progress.cases / took_s if took_s > 0 and progress.cases and (is_running or not sweep.chain) else None
    left_s = (sweep.total - progress.cases) / per_second if is_running and per_second else None
    said = ("id", "state", "law", "revision", "who", "begun_at", "ended_at", "reason", "total", "parts")
    names = (*said, "certain_at", "succeeded_by")
    return {
        **{name: getattr(sweep, name) for name in names},
        "filter": orjson.loads(sweep.filter),
        "on": sweep.day,
        # The parts of a sweep that follows are long done; apps have come and gone since.
        "done": progress.cases if sweep.certain_at is None else sweep.total,
        "judged": progress.judged,
        "parts_done": progress.parts_done,
        "per_second": per_second,
        "left_s": left_s,
        "follows": sweep.chain is not None,
    }


def result_view(rules: Sequence[str], found: Found) -> dict[str, Any]:
    """Tell a result, as `ResultView` describes it."""
    content = found.content
    verdicts = {rule: VERDICTS[letter] for rule, letter in zip(rules, content.verdicts, strict=True)}
    told = {rule: verdict.value for rule, verdict in verdicts.items() if verdict is not Verdict.NOT_APPLICABLE}
    names = ("outcome", "hash", "level", "province", "department")
    return {"app": found.app, **{name: getattr(content, name) for name in names}, "verdicts": told}


def difference_view(rules: tuple[Sequence[str], Sequence[str]], found: Differing) -> dict[str, Any]:
    """Tell how two sweeps differ in an app, as `DifferenceView` describes it."""
    before, after = found.before, found.after
    first, second = _violated(rules[0], before), _violated(rules[1], after)
    return {
        "app": found.app,
        "before": None if before is None else before.outcome,
        "after": None if after is None else after.outcome,
        "causes": [] if before is None or after is None else [each.value for each in causes(before, after)],
        "newly_violated": [rule for rule in second if rule not in first],
        "no_longer_violated": [rule for rule in first if rule not in second],
    }


def change_view(change: Change) -> dict[str, Any]:
    """Tell how a result was replaced, as `ChangeView` describes it."""
    rules = (orjson.loads(change.previous.rules), orjson.loads(change.sweep.rules))
    return {
        **difference_view(rules, Differing(change.app, change.before, change.after)),
        "number": change.number,
        "sweep": change.sweep.id,
        "revision": change.revision,
        "on": change.sweep.day,
        "at": change.at,
        "neighbours": change.neighbours,
    }


def causes(before: SweepContent, after: SweepContent) -> list[Cause]:
    """Tell what differs between what two contents were made of."""
    found = [
        cause
        for cause, name in ((Cause.MANIFEST, "hash"), (Cause.NEIGHBOURHOOD, "around"), (Cause.LAW, "law"))
        if getattr(before, name) != getattr(after, name)
    ]
    # Days that are named come and go with what names them: only where nothing else differs is it the day.
    return found or ([Cause.DAY] if before.days != after.days else [])


def group_view(group: Group, sweep: str | None = None, name: str | None = None) -> dict[str, Any]:
    """Tell a group, as `GroupView` describes it."""
    verdicts = {VERDICTS[letter].value: n for letter, n in group.verdicts.items()}
    known = {"name": name or group.name, "sweep": sweep, "apps": group.apps}
    return {**known, "outcomes": dict(group.outcomes), "verdicts": verdicts}


def _violated(rules: Sequence[str], content: SweepContent | None) -> list[str]:
    if content is None:
        return []
    return [rule for rule, letter in zip(rules, content.verdicts, strict=True) if letter == "v"]
