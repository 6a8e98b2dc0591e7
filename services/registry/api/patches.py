"""Changing parts of an app over HTTP: PATCH with a merge patch."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import ConfigDict, RootModel
from starlette.requests import Request
from starlette.responses import Response

from services.manifest.reading import MAX_BYTES
from services.registry.api.answers import answer
from services.registry.api.apps import Id, PutApp, may_put, summary
from services.registry.api.desk import DATABASE_UNAVAILABLE, act_of, desk_of
from services.registry.api.manifests import read_json, read_manifest
from services.registry.api.notes import notes_on
from services.registry.api.reasons import Why
from services.registry.merge_patch import merged
from services.registry.store import apps
from services.registry.tables import App
from services.web import (
    CONFLICT,
    NOT_FOUND,
    Stated,
    etag,
    language_of,
    operation,
    read_body,
    require_if_match,
)

MERGE_PATCH = "application/merge-patch+json"

router = APIRouter(prefix="/v1", tags=["apps"])


class ManifestPatch(RootModel[dict[str, Any]]):
    """A merge patch (RFC 7396) of a manifest: fields to be declared otherwise, and null for those not to be declared.

    Maps are changed field by field. Lists (features, asks, …) are replaced as a whole.
    """

    model_config = ConfigDict(title="ManifestPatch")


@router.patch(
    "/apps/{id}",
    summary="变更应用的一部分 · Change parts of an app",
    response_model=PutApp,
    **operation(
        "write",
        *(NOT_FOUND, CONFLICT, DATABASE_UNAVAILABLE),
        body=ManifestPatch,
        media_types=(MERGE_PATCH,),
        conditional="change",
        is_once=True,
        max_body_bytes=MAX_BYTES,
    ),
)
async def patch_app(
    request: Request, id: Id, reason: Annotated[Why, Query(description="理由，记入历史 · the reason")]
) -> Response:
    """Change parts of a manifest by a merge patch (RFC 7396); the manifest that results is judged like one sent by PUT.

    Null takes a declaration back: the field is undeclared from then on, which is not the same as false or empty. Lists
    are replaced as a whole. The same manifest as before changes nothing, and the ETag stays.
    """
    desk = desk_of(request)
    patch = await desk.read(read_json, await read_body(request))
    based_on = await desk.read(apps.get, desk.database, id)
    require_if_match(request, etag(based_on.revision))
    document = merged(json.loads(based_on.manifest), patch)
    manifest = await desk.read(read_manifest, json.dumps(document).encode(), "json", id, is_as_sent=False)
    # Under the lock it must still be the very version that was patched, even for `If-Match: *`.
    guard = may_put(Stated.of(if_match=etag(based_on.revision)), request, manifest, reason)
    act, limit = act_of(request, reason), desk.settings.max_offers

    # Before the write: once something is recorded, nothing more may fail.
    noted = await desk.read(notes_on, desk, manifest, language_of(request))

    def tell(done: tuple[App, bool]) -> Response:
        return answer({**summary(done[0]), "notes": noted}, revision=done[0].since)

    return await desk.answer_once(request, tell, apps.put, desk.database, id, manifest, act, guard, limit)
