"""Which apps are meant: the one grammar of conditions, for lists, facets, exports, webhooks, snapshots and sweeps.

An `AppFilter` is read from query parameters, or from the same names and values as JSON; `model_dump(mode="json",
exclude_defaults=True)` gives them back. What the conditions mean is written once, in
`services.registry.store.app_conditions`.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from services.manifest import divisions
from services.manifest.model import Item
from services.manifest.neighbourhood import GrantKind
from services.manifest.terms import AppKind, FeatureKind, Level, Role, Stage
from services.manifest.ties import item_key, name_key
from services.manifest.values import (
    DIVISION_PATTERN,
    AppId,
    CreditCode,
    Day,
    Line,
    unacceptable,
    unknown_division,
)
from services.text import Text

UNDECLARED: Literal["undeclared"] = "undeclared"
"""Holds for apps that do not declare it; no other value of a condition does."""

LONGEST_DAYS = 36_500
MOST_IDS = 50  # a request has 100 parameters at most


def one_of(*vocabulary: str) -> Any:  # noqa: ANN401 - what an annotation may hold
    """Give what makes a text one of some words, and the document list them."""

    def known(word: str) -> str:
        if word not in vocabulary:
            raise PydanticCustomError("enum", "Input should be {expected}", {"expected": ", ".join(vocabulary)})
        return word

    return AfterValidator(known), Field(json_schema_extra={"enum": list(vocabulary)})


def _searchable(text: str) -> str:
    if not name_key(text):
        raise PydanticCustomError("string_too_short", "This needs at least {min_length} characters", {"min_length": 1})
    return text


def _division(code: str) -> str:
    if code == UNDECLARED:
        return code
    normal = divisions.normalise(code)
    if not divisions.exists(normal):
        raise unknown_division(code)
    return normal


def known_item(text: str) -> str:
    """Normalise an item key, so that it is the one by which the item is known elsewhere."""
    sort, _, said = text.partition("=")
    key = None
    if sort in {"code", "name"} and said:
        key = item_key(Item.model_construct(code=said) if sort == "code" else Item.model_construct(name=said))
    if key is None or key.endswith("="):
        fact = Text("这里没有写明数据项。", "This names no item.")
        raise unacceptable("item_key", fact, Text("写成 code=代码 或 name=名称。", "Write code=… or name=…"))
    return key


def _item(text: str) -> str:
    return text if text == UNDECLARED else known_item(text)


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


SearchText = Annotated[Line, AfterValidator(_searchable)]
_ITEM = r"^(undeclared|(code|name)=[^\x00-\x1f\x7f-\x9f]+)$"
ItemText = Annotated[str, Field(max_length=205, pattern=_ITEM), AfterValidator(_item)]
DivisionText = Annotated[str, Field(pattern=rf"{DIVISION_PATTERN}|^undeclared$"), AfterValidator(_division)]
Ids = Annotated[tuple[AppId, ...], Field(min_length=1, max_length=MOST_IDS), BeforeValidator(_several)]


def _condition(zh: str, en: str) -> Any:  # noqa: ANN401 - pydantic's own type
    return Field(default=None, description=f"{zh} · {en}")


class AppFilter(BaseModel):
    """Which apps are meant: those that meet every condition given. None is no condition."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    q: SearchText | None = _condition(
        "全文检索：名称、主办单位、所属部门、功能的名称和说明、数据项的名称和代码；"
        "以空格分开的每个词都须出现，不分全半角、大小写",
        "full text: name, sponsor, root organ, names and descriptions of features, names and codes of items; every"
        " word, set off by spaces, must occur somewhere, whatever its width and case",
    )
    id: Ids | None = _condition(
        f"标识，可重复写，至多 {MOST_IDS} 个，是其中之一", f"the id is one of these; repeat it, {MOST_IDS} at most"
    )
    name: SearchText | None = _condition(
        "名称中的任意一段，不分全半角、大小写和空格", "any part of the name, whatever its width, case and spaces"
    )
    kind: Annotated[str, *one_of(*AppKind, UNDECLARED)] | None = _condition("形态", "kind of software")
    level: Annotated[str, *one_of(*Level, UNDECLARED)] | None = _condition("主办单位层级", "level of the sponsor")
    division: DivisionText | None = _condition(
        "主办单位位于该区划或其下级区划；空串为全部已声明区划的应用",
        "the sponsor sits in this division or below it; the empty code holds for all that declare a division",
    )
    department: Line | None = _condition(
        "部门名称（清单声明的所属部门，未声明时为主办单位名称）", "the department, by its name"
    )
    under: CreditCode | None = _condition(
        "主办单位按机构名录是该机构（统一社会信用代码）或在其之下，不论清单怎样声明",
        "by the tree of organisations the sponsor is this one (its credit code) or stands below it,"
        " whatever is claimed",
    )
    vendor: Line | None = _condition("承建单位名称", "the unit that built it, by its name")
    sector: Line | None = _condition("行业", "sector")
    role: Annotated[str, *one_of(*Role, UNDECLARED)] | None = _condition("角色", "role")
    stage: Annotated[str, *one_of(*Stage, UNDECLARED)] | None = _condition("阶段", "stage")
    faces_grassroots: Annotated[str, *one_of("true", "false", UNDECLARED)] | None = _condition(
        "面向基层", "faces the grassroots"
    )
    feature_kind: Annotated[str, *one_of(*FeatureKind, UNDECLARED)] | None = _condition(
        "至少有一个该类型的功能；undeclared 为没有声明功能的应用",
        "it has a feature of this kind; `undeclared`: it declares no features",
    )
    asks: ItemText | None = _condition(
        "要求报送该数据项（code=代码 或 name=名称）；undeclared 为没有声明的应用",
        "it asks for this item (code=… or name=…)",
    )
    holds: ItemText | None = _condition("持有该数据项", "it holds this item")
    shares: ItemText | None = _condition(
        "已将该数据项共享给他人；undeclared 为至少有一个数据项没有声明是否共享的应用",
        "it shares this item with somebody; `undeclared`: it leaves undeclared of some item whether it does",
    )
    grant: GrantKind | None = _condition(
        "在 grant_on 当天有该类有效的批准", "a grant of this kind is in force on `grant_on`"
    )
    without_grant: GrantKind | None = _condition(
        "在 grant_on 当天没有该类有效的批准", "no grant of this kind is in force on `grant_on`"
    )
    grant_on: Day | None = _condition(
        "批准以哪一天为准，默认今天（北京时间）", "the day asked about, today by default (Beijing)"
    )
    grant_ends_within_days: Annotated[int, Field(ge=0, le=LONGEST_DAYS)] | None = _condition(
        "grant_on 当天有效的批准（有 grant 时为该类）在若干天之内到期或被撤销",
        "a grant in force on `grant_on` (of the kind `grant`, if given) ends within so many days from it",
    )
    proposed_from_on: Day | None = _condition("提出日期不早于", "proposed on this day or later")
    proposed_until_on: Day | None = _condition("提出日期不晚于", "proposed on this day or earlier")
    begun_from_on: Day | None = _condition("开工日期不早于", "begun on this day or later")
    begun_until_on: Day | None = _condition("开工日期不晚于", "begun on this day or earlier")
    online_from_on: Day | None = _condition("上线日期不早于", "online since this day or later")
    online_until_on: Day | None = _condition("上线日期不晚于", "online since this day or earlier")
    retire_from_on: Day | None = _condition("计划下线日期不早于", "to be retired on this day or later")
    retire_until_on: Day | None = _condition("计划下线日期不晚于", "to be retired on this day or earlier")
    retired_from_on: Day | None = _condition("下线日期不早于", "retired on this day or later")
    retired_until_on: Day | None = _condition("下线日期不晚于", "retired on this day or earlier")
    consolidation_from_on: Day | None = _condition("清理整合期限不早于", "consolidation due on this day or later")
    consolidation_until_on: Day | None = _condition("清理整合期限不晚于", "consolidation due on this day or earlier")
    undated: Annotated[str, *one_of("proposed", "begun", "online", "retire", "retired", "consolidation")] | None = (
        _condition("没有声明该日期的应用", "it leaves this day undeclared")
    )
    returned: Annotated[str, *one_of("true", "false")] | None = _condition(
        "提案是否已退回主办单位", "whether the proposal was given back to its sponsor"
    )
    withdrawn: Annotated[str, *one_of("exclude", "include", "only")] = Field(
        default="exclude", description="已撤回的应用 · withdrawn apps"
    )

    @field_validator(
        *("proposed_until_on", "begun_until_on", "online_until_on"),
        *("retire_until_on", "retired_until_on", "consolidation_until_on"),
    )
    @classmethod
    def _after_its_beginning(cls, until_on: date | None, info: ValidationInfo) -> date | None:
        beginning = (info.field_name or "").replace("_until_on", "_from_on")
        from_on = info.data.get(beginning)
        if until_on is not None and from_on is not None and until_on < from_on:
            fact = Text(f"早于 {beginning}（{from_on}）。", f"This lies before {beginning}, {from_on}.")
            raise unacceptable("days_reversed", fact, Text("更正其中一个日期。", "Correct one of the two days."))
        return until_on

    @property
    def depends_on_today(self) -> bool:
        """Whether the filter asks about the grants of today, whatever day that is."""
        has_grants = (self.grant, self.without_grant, self.grant_ends_within_days) != (None, None, None)
        return has_grants and self.grant_on is None

    def settled(self, today: date) -> "AppFilter":
        """Give the filter with the day on which it asks about grants, which is today unless it names another."""
        said = self.conditions()
        return AppFilter.model_construct(**{**said, "grant_on": today} if self.depends_on_today else said)

    def conditions(self) -> dict[str, Any]:
        """Give every field of the grammar with its value, without what a model made of it may have added."""
        return {name: getattr(self, name) for name in AppFilter.model_fields}
