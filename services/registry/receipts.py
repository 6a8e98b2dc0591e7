"""Receipts: verifying that the audit signed one, and that it says this app may be approved."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.errors import JoseError
from pydantic import ValidationError

from services.manifest import receipt
from services.registry.refusals import Objection, RefusedError
from services.text import Text

if TYPE_CHECKING:
    from datetime import datetime

    from services.manifest.receipt import Claims
    from services.registry.audit_keys import AuditKeys

_SKEW = timedelta(minutes=1)
"""By how much the clocks of the two services may differ."""

_SEND = Text("原样发送审查服务签发的收据", "send the receipt just as the audit issued it")
_DECIDE = Text("为该应用取得一份结论为 approve 的判定", "get a decision of this app whose outcome is approve")


class _Registry(jws.JWSRegistry):
    """What a receipt may be: one algorithm, and as long as an app with many ties needs."""

    max_payload_length = receipt.MAX_CHARACTERS


_REGISTRY = _Registry(algorithms=[receipt.ALGORITHM])


def verify(text: str, app: str, keys: AuditKeys, issuer: str, now: datetime) -> Claims:
    """Give what a receipt claims, when it is one of `issuer`'s that lets this app be approved.

    Args:
        text: the receipt as it was sent.
        app: id of the app.
        keys: the keys of the audit.
        issuer: the `iss` of the audit.
        now: the instant, in UTC.

    Raises:
        RefusedError: with the reason.
        KeysUnavailableError: the keys of the audit cannot be had, so nothing can be verified.

    """
    signed = _parsed(text)
    _require_header(signed.headers())
    kid: str = signed.headers()["kid"]
    key = keys.find(kid)
    if key is None:
        raise _refused(f"审查服务没有公布密钥 {kid}", f"the audit has not published a key {kid}")
    try:
        is_genuine = jws.validate_compact(signed, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise _refused("签名无法核验", "its signature cannot be verified") from error
    if not is_genuine:
        raise _refused("签名不符：内容被改动，或不是用所称密钥签的", "the signature is not of this content and key")
    try:
        claims = receipt.read(signed.payload)
    except ValidationError as error:
        places = "、".join("/" + "/".join(map(str, each["loc"])) for each in error.errors(include_url=False)[:5])
        raise _refused(f"内容不合收据的格式：{places}", f"it does not say what a receipt says: {places}") from error
    _require_approval(claims, app, issuer, now)
    return claims


def _parsed(text: str) -> jws.CompactSignature:
    try:
        signed = jws.extract_compact(text.encode("ascii"), registry=_REGISTRY)
    # The library takes a header for an object before it knows that it is one.
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _refused("不是 JWS 紧凑格式", "it is no JWS in compact form") from error
    if not isinstance(signed.protected, dict):
        raise _refused("不是 JWS 紧凑格式", "it is no JWS in compact form")
    return signed


def _require_header(header: dict[str, Any]) -> None:
    if header.get("alg") != receipt.ALGORITHM:
        raise _refused(f"签名算法须为 {receipt.ALGORITHM}", f"it is not signed with {receipt.ALGORITHM}")
    if header.get("typ") != receipt.TYPE:
        raise _refused(f"typ 不是 {receipt.TYPE}", f"its `typ` is not {receipt.TYPE}")
    if not isinstance(header.get("kid"), str):
        raise _refused("没有写明密钥（kid）", "it does not name its key (`kid`)")


def _require_approval(claims: Claims, app: str, issuer: str, now: datetime) -> None:
    if claims.iss != issuer:
        raise _refused(f"签发者是 {claims.iss}，不是 {issuer}", f"it was issued by {claims.iss}, not by {issuer}")
    if claims.sub != app:
        raise _refused(f"它是应用 {claims.sub} 的收据", f"it is a receipt of the app {claims.sub}")
    if claims.purpose != receipt.APPROVE or claims.outcome != receipt.APPROVE:
        raise _refused(
            f"判定的目的是 {claims.purpose}，结论是 {claims.outcome}，不是批准",
            f"the decision was for {claims.purpose} and its outcome is {claims.outcome}: neither may be but approve",
            _DECIDE,
        )
    if claims.iat > (now + _SKEW).timestamp():
        raise _refused("签发时刻在将来", "it was issued in the future")


def _refused(zh: str, en: str, remedy: Text = _SEND) -> RefusedError:
    return RefusedError(Objection("/receipt", Text(f"收据：{zh}", f"the receipt: {en}"), remedy))
