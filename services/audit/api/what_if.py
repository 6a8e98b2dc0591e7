"""What if, over HTTP: the difference that a draft, further drafts, a coming day or another law would make."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.checks import REGISTRY_UNAVAILABLE, fault_of
from services.audit.checks import Checks
from services.audit.clock import today
from services.audit.differences import Difference
from services.audit.law import Law, Report
from services.audit.registry_client import RegistryClient, RegistryUnavailable
from services.audit.regulation import LAW, LAWS
from services.audit.what_if import Standing, compare
from services.manifest.model import Manifest
from services.manifest.reading import Unreadable, read
from services.manifest.values import AppId
from services.manifest.values import Day as _Day
from services.text import Text
from services.web import INVALID_VALUE, NOT_FOUND, Fault, Problem, operation

MAX_DRAFTS = 100
MAX_BYTES = 4 * 1024 * 1024

router = APIRouter(prefix="/v1", tags=["checks"])

Day = Annotated[_Day, Field(strict=True)]
Document = dict[str, Any]


class Supposition(BaseModel):
    """What is supposed to be otherwise; at least one of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manifest: Document | None = Field(
        default=None, description="代替该应用现有清单的草案 · a draft instead of the app's manifest"
    )
    drafts: tuple[Document, ...] = Field(
        default=(),
        max_length=MAX_DRAFTS,
        description="其他应用的草案，视为已批准，须有 id · drafts of other apps, taken as approved; each needs an `id`",
    )
    on: Day | None = Field(default=None, description="将来的某一天 · another day")
    law: str | None = Field(
        default=None, description="另一法规版本，见 GET /v1/law · another version of the law", max_length=200
    )


class WhatIfRequest(BaseModel):
    """An app as it stands, and what is supposed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: AppId | None = Field(default=None, description="已登记应用的标识 · id of a registered app")
    manifest: Document | None = Field(default=None, description="清单，不写 app 时必填 · a manifest, instead of `app`")
    on: Day | None = Field(
        default=None, description="现状按哪一天判断，默认今天 · the day judged; today when not given"
    )
    suppose: Supposition = Field(description="假设 · what is supposed")


class WhatIfAnswer(BaseModel):
    """The app as it stands, as it would be, and the difference."""

    model_config = ConfigDict(frozen=True)

    before: Report = Field(description="现状的报告 · the report as things stand")
    after: Report = Field(description="假设成立时的报告 · the report as they would stand")
    difference: Difference = Field(description="两者的差别 · how the two differ")


@router.post(
    "/what-if",
    summary="假设：改了会怎样 · What if: the difference that a change would make",
    response_model=WhatIfAnswer,
    **operation("public", NOT_FOUND, REGISTRY_UNAVAILABLE, max_body_bytes=MAX_BYTES),
)
async def what_if(request: Request, asked: WhatIfRequest) -> Response:
    """Judge an app as it stands and as it would be, and tell what differs: outcomes, verdicts, findings, and the cause.

    Nothing is recorded, and no approval follows from it. A supposed proposal counts as approved, because a proposal
    bears on nobody.
    """
    checks: Checks = request.state.checks
    _require_something(asked.suppose)
    law = _law(asked.suppose.law)
    given = None if asked.manifest is None else _read(asked.manifest, "/manifest")
    draft = None if asked.suppose.manifest is None else _read(asked.suppose.manifest, "/suppose/manifest")
    drafts = [_draft(each, f"/suppose/drafts/{i}") for i, each in enumerate(asked.suppose.drafts)]
    on = asked.on or today()
    try:
        registry = _registry(checks)
        manifest = await _standing(registry, asked, given)
        standing = Standing(manifest, LAW, on)
        supposed = manifest if draft is None else _of_same_app(draft, manifest)
        found = await compare(registry, standing, Standing(supposed, law, asked.suppose.on or on), drafts)
    except RegistryUnavailable as error:
        raise Problem(REGISTRY_UNAVAILABLE, headers={"Retry-After": "5"}) from error
    body = {"before": found.before, "after": found.after, "difference": found.difference}
    return Response(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), media_type="application/json")


def _require_something(suppose: Supposition) -> None:
    if suppose == Supposition():
        fact = Text("没有写任何假设", "nothing is supposed")
        remedy = Text("写明 manifest、drafts、on、law 中的一项", "give one of manifest, drafts, on and law")
        raise Problem(INVALID_VALUE, errors=[Fault("/suppose", fact, remedy)])


def _law(version: str | None) -> Law:
    if version is None:
        return LAW
    if version not in LAWS:
        known = ", ".join(LAWS)
        fact = Text(f"没有法规版本 {version}", f"there is no version {version} of the law")
        remedy = Text(f"可取的版本：{known}", f"the versions are {known}")
        raise Problem(INVALID_VALUE, errors=[Fault("/suppose/law", fact, remedy)])
    return LAWS[version]


def _registry(checks: Checks) -> RegistryClient:
    if checks.registry is None:
        raise RegistryUnavailable("none is configured")
    return checks.registry


async def _standing(registry: RegistryClient, asked: WhatIfRequest, given: Manifest | None) -> Manifest:
    if (asked.app is None) == (given is None):
        fact = Text("app 和 manifest 须且只须写一个", "exactly one of app and manifest is needed")
        raise Problem(INVALID_VALUE, errors=[Fault("", fact, Text("写明其中一个", "give one of them"))])
    if given is not None:
        return given
    found = await registry.manifest(asked.app or "")
    if found is None:
        fact = Text(f"登记系统中没有在册的应用 {asked.app}", f"the registry has no app {asked.app} on its books")
        raise Problem(NOT_FOUND, errors=[Fault("/app", fact, Text("核对标识", "check the id"))])
    return found


def _read(document: Document, place: str) -> Manifest:
    try:
        return read(orjson.dumps(document), media="json").manifest
    except Unreadable as error:
        raise Problem(INVALID_VALUE, errors=[fault_of(each, place) for each in error.problems]) from error


def _draft(document: Document, place: str) -> Manifest:
    draft = _read(document, place)
    if draft.id is None:
        fact = Text("草案没有标识", "the draft has no id")
        raise Problem(INVALID_VALUE, errors=[Fault(f"{place}/id", fact, Text("写明 id", "give its id"))])
    return draft


def _of_same_app(draft: Manifest, manifest: Manifest) -> Manifest:
    """Take a draft as one of the app: without its id it would be its own neighbour."""
    if draft.id not in {None, manifest.id}:
        fact = Text(f"草案是另一个应用 {draft.id} 的", f"the draft is of another app, {draft.id}")
        remedy = Text(f"写 {manifest.id}，或不写 id", f"write {manifest.id}, or leave out the id")
        raise Problem(INVALID_VALUE, errors=[Fault("/suppose/manifest/id", fact, remedy)])
    return draft.model_copy(update={"id": manifest.id})
