"""Who signs receipts: a stand-in for the audit, with a key of its own."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from joserfc import jws
from joserfc.jwk import OKPKey

from services.manifest import receipt, ties
from services.manifest.model import canonical, fingerprint

if TYPE_CHECKING:
    from datetime import date

    from services.manifest.model import Manifest


class _Registry(jws.JWSRegistry):
    max_payload_length = receipt.MAX_CHARACTERS

    def check_header(self, header: dict[str, Any]) -> None:
        """Sign under any header: what a forger may do, a test may do."""


class Auditor:
    """Issues receipts of decisions that it has not made."""

    def __init__(self, kid: str = "example-1") -> None:
        """Make a key of this id."""
        self.kid = kid
        self.key = OKPKey.generate_key("Ed25519")

    def public(self) -> dict[str, Any]:
        """Give the public key as a JWK."""
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": receipt.ALGORITHM, "use": "sig"}

    def claims(self, manifest: Manifest, revision: int, day: date, **changed: Any) -> receipt.Claims:  # noqa: ANN401 - any claim
        """Give the claims of a decision to approve an app as it was seen at a registry revision."""
        said = {
            "iss": receipt.ISSUER,
            "iat": int(time.time()),
            "jti": secrets.token_hex(8),
            "sub": manifest.id,
            "manifest": fingerprint(canonical(manifest)),
            "law": "example-1",
            "day": day,
            "purpose": receipt.APPROVE,
            "outcome": receipt.APPROVE,
            "revision": revision,
            "asked": receipt.asked(ties.questions(manifest)),
            "ledger": 0,
        }
        return receipt.Claims(**{**said, **changed})

    def sign(self, payload: receipt.Claims | bytes, **header: Any) -> str:  # noqa: ANN401 - any header
        """Sign claims, or any other payload; a header that is None is left out."""
        content = payload if isinstance(payload, bytes) else receipt.write(payload)
        said = {"alg": receipt.ALGORITHM, "kid": self.kid, "typ": receipt.TYPE, **header}
        protected = {name: value for name, value in said.items() if value is not None}
        registry = _Registry(algorithms=[receipt.ALGORITHM])
        return jws.serialize_compact(protected, content, self.key, registry=registry)
