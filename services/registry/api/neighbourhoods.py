"""Neighbourhoods over HTTP: who offers these ties in a region that overlaps mine?"""

from typing import Annotated

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.neighbourhood import Neighbourhood
from services.manifest.ties import Question
from services.manifest.values import AppId, CreditCode, DivisionCode, Line
from services.registry.api import moments
from services.registry.api.answers import answer
from services.registry.api.desk import DATABASE_UNAVAILABLE, desk_of
from services.registry.api.moments import AS_OF, AsOfText
from services.registry.store import neighbourhoods, past_neighbourhoods
from services.registry.store.sponsors import Named
from services.text import Text
from services.web import INVALID_VALUE, Fault, Problem, operation

MAX_BYTES = 4 * 1024 * 1024
TIE = r"^(department|item|platform|sector):[^\x00-\x1f\x7f]+$"

router = APIRouter(prefix="/v1", tags=["neighbourhoods"])


class AskedTie(BaseModel):
    """Who offers this tie in a region that overlaps one of these?"""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tie: str = Field(max_length=4000, pattern=TIE, description="关联键，例如 item:code=… · the tie")
    regions: Annotated[tuple[DivisionCode, ...], Field(min_length=1, max_length=1000)] = Field(
        description="行政区划代码；空串为全国 · division codes; the empty code is the whole country"
    )


class AskingSponsor(BaseModel):
    """What a manifest says of its sponsor, by which the tree of organisations may know it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    credit_code: CreditCode | None = Field(default=None, description="统一社会信用代码 · unified social credit code")
    name: Line | None = Field(default=None, description="名称 · name")
    root_organ: Line | None = Field(default=None, description="所声明的所属部门 · root organ as declared")


class Asked(BaseModel):
    """What an app asks about its neighbours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: AppId | None = Field(
        default=None, description="应用标识，不把它当作自己的邻居 · id of the app, which is no neighbour of its own"
    )
    sponsor: AskingSponsor | None = Field(
        default=None,
        description="清单所声明的主办单位，null 为登记的应用所声明的；机构名录中有的，其部门以名录为准"
        " · the sponsor as the manifest declares it; null: as the registered app does. Where the tree of organisations"
        " knows it, its department is that of the tree",
    )
    questions: Annotated[tuple[AskedTie, ...], Field(max_length=2000)] = Field(
        description="所问的关联键，不得重复 · the ties, none twice"
    )
    limit: int = Field(
        default=100,
        ge=1,
        le=1000,
        strict=True,
        description="每个数据项至多列出的邻居数；其他关联键全部列出"
        " · neighbours told of each item at most; of other ties all are told",
    )
    as_of: AsOfText | None = Field(default=None, description=AS_OF)


@router.post(
    "/neighbourhoods",
    summary="邻居 · Who bears on an app",
    response_model=Neighbourhood,
    **operation("read", DATABASE_UNAVAILABLE, max_body_bytes=MAX_BYTES),
)
async def find_neighbourhood(request: Request, asked: Asked) -> Response:
    """Say who offers each tie asked in a region that overlaps, in the order of (division, app), and the app's grants.

    Two regions overlap when one contains the other. An app that overlaps in several divisions counts once. All of the
    answer is as of the one registry revision that it names. What an app left undeclared is left out of its facts.

    A question for a department that the tree of organisations knows is answered under the tie `department:code=…` of
    the organ at its root, and `sponsor` says what the tree knows of the sponsor.
    """
    _refuse_repeated(asked.questions)
    desk = desk_of(request)
    questions = [Question(each.tie, each.regions) for each in asked.questions]
    as_of = moments.as_of(asked.as_of, "/as_of")
    sponsor = None if asked.sponsor is None else Named(**asked.sponsor.model_dump())
    if as_of is None:
        found = await desk.read(neighbourhoods.find, desk.database, asked.app, questions, asked.limit, sponsor)
    else:
        found = await desk.read(
            past_neighbourhoods.find, desk.database, asked.app, questions, asked.limit, as_of, sponsor
        )
    ties = [
        {
            "tie": each.tie,
            "total": each.total,
            "neighbours": [{"app": app, "facts": orjson.Fragment(facts)} for app, facts in each.neighbours],
        }
        for each in found.ties
    ]
    body = {"revision": found.revision, "ties": ties, "grants": [orjson.Fragment(each) for each in found.grants]}
    return answer(body if found.sponsor is None else {**body, "sponsor": found.sponsor})


def _refuse_repeated(questions: tuple[AskedTie, ...]) -> None:
    first: dict[str, int] = {}
    faults = []
    for i, question in enumerate(questions):
        if first.setdefault(question.tie, i) != i:
            detail = Text(
                f"与 /questions/{first[question.tie]} 重复", f"it stands at /questions/{first[question.tie]} already"
            )
            remedy = Text("把它们的 regions 合并为一条", "put their regions together in one")
            faults.append(Fault(f"/questions/{i}/tie", detail, remedy))
    if faults:
        raise Problem(INVALID_VALUE, errors=faults)
