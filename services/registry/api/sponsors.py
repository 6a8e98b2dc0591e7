"""Sponsors over HTTP: which organisation runs an app, which department that makes it, and what its manifest claims."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.model import Manifest
from services.manifest.neighbourhood import FoundBy, Recorded
from services.manifest.ties import department_tie
from services.registry.api import moments
from services.registry.api.answers import answer_unless_known
from services.registry.api.apps import Id
from services.registry.api.desk import DATABASE_UNAVAILABLE, Desk, desk_of
from services.registry.api.moments import AsOfQuery
from services.registry.api.notes import Note, told_note
from services.registry.notes import notes
from services.registry.refusals import UnknownError
from services.registry.store import live, past, sponsors
from services.registry.store.past import AsOf
from services.registry.tables import Noun
from services.text import Lang
from services.web import NOT_FOUND, language_of, operation

router = APIRouter(prefix="/v1", tags=["organisations"])


class KnownOrganisation(BaseModel):
    """An organisation of the tree."""

    model_config = ConfigDict(frozen=True)

    code: str = Field(description="统一社会信用代码 · unified social credit code")
    name: str = Field(description="现名 · present name")


class KnownSponsor(BaseModel):
    """What the tree of organisations knows of the sponsor of an app."""

    model_config = ConfigDict(frozen=True)

    app: str = Field(description="应用标识 · id of the app")
    found_by: FoundBy | None = Field(
        description="由什么找到：credit_code 信用代码、name 名称、root_organ 所声明的所属部门；名录中没有则为 null"
        " · by what it was found in the tree; null when it is not there"
    )
    organisation: KnownOrganisation | None = Field(description="找到的机构 · the organisation found")
    department: KnownOrganisation | None = Field(description="其部门，即树根 · its department: the root above it")
    tie: str | None = Field(description="所属部门的关联键 · the tie of its department")
    notes: list[Note] = Field(description="清单与名录、区划代码不一致之处 · where the manifest does not agree")


@router.get(
    "/apps/{id}/sponsor",
    summary="应用的主办单位和部门 · Sponsor and department of an app",
    response_model=KnownSponsor,
    **operation("read", NOT_FOUND, DATABASE_UNAVAILABLE, conditional="get"),
)
async def get_sponsor(request: Request, id: Id, as_of: AsOfQuery = None) -> Response:
    """Give the organisation that runs an app and its department, by the tree, and where the manifest says otherwise.

    What the manifest claims is never followed where the tree knows better, and never refused: both are told.
    """
    desk = desk_of(request)
    body, revision = await desk.read(_known, desk, id, moments.as_of(as_of), language_of(request))
    return answer_unless_known(request, body, moments.told(revision))


def _known(desk: Desk, id: str, as_of: AsOf | None, lang: Lang) -> tuple[dict[str, Any], int | None]:
    with desk.database.reading() as connection:
        at = None if as_of is None else past.revision_of(connection, as_of, desk.database.now())
        app = live.app(connection, id, at)
        if app is None:
            raise UnknownError(Noun.APP, id)
        recorded = sponsors.of_app(connection, app, at)
        manifest = Manifest.model_validate_json(live.manifest(connection, app))
    told = [told_note(each, lang) for each in notes(manifest, recorded, desk.database.today())]
    body = {"app": id, "tie": department_tie(manifest, recorded), "notes": told, **_told(recorded)}
    return body, at


def _told(recorded: Recorded | None) -> dict[str, Any]:
    if recorded is None:
        return {"found_by": None, "organisation": None, "department": None}
    return {
        "found_by": recorded.by,
        "organisation": {"code": recorded.code, "name": recorded.names[0]},
        "department": {"code": recorded.department, "name": recorded.department_names[0]},
    }
