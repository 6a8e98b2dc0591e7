"""The public keys by which receipts and checkpoints are verified."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from services.audit.api.desk import SIGNING_UNAVAILABLE, desk_of
from services.audit.signing import KeysError
from services.web import Problem, etag, not_modified, operation

router = APIRouter(tags=["keys"])


class PublicKey(BaseModel):
    """A public key (RFC 7517, RFC 8037)."""

    model_config = ConfigDict(frozen=True)

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str = Field(description="密钥编号，即其指纹（RFC 7638）· id of the key: its thumbprint (RFC 7638)")
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class PublicKeySet(BaseModel):
    """The present key first, then the former ones."""

    model_config = ConfigDict(frozen=True)

    keys: list[PublicKey]


@router.get(
    "/.well-known/jwks.json",
    summary="核验收据的公钥 · The public keys that verify receipts",
    response_model=PublicKeySet,
    **operation("public", SIGNING_UNAVAILABLE, conditional="get"),
)
async def list_keys(request: Request) -> Response:
    """Give the present key and all former ones, so that every receipt ever issued can be verified."""
    desk = desk_of(request)
    try:
        content = b'{"keys":[]}' if desk.keys is None else desk.keys.public()
    except KeysError as error:
        raise Problem(SIGNING_UNAVAILABLE) from error
    unchanged = not_modified(request, etag(content))
    if unchanged is not None:
        return unchanged
    # Whoever looks for a new key asks again by itself; others need not ask more often than this.
    headers = {"ETag": etag(content), "Cache-Control": "public, max-age=60"}
    return Response(content, headers=headers, media_type="application/json")
