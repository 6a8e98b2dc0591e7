"""An approval workflow as authorities run it: it proposes apps, has them decided by the audit, and approves them."""

from __future__ import annotations

import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from services.audit import signing
from tests.processes import serving

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Document = dict[str, Any]
AGAIN = "urn:govapp:problem:decide-again"
TIMEOUT_S = 60


@dataclass(frozen=True)
class Services:
    """Both services as processes: where they listen, and the audit's keys."""

    registry: str
    audit: str
    keys: Path
    folder: Path

    def jwks(self) -> Path:
        """Write the public keys to a file."""
        file = self.folder / f"jwks-{secrets.token_hex(4)}.json"
        file.write_bytes(signing.published(self.keys.read_bytes()))
        return file


def environment(database_url: str, registry: str, keys: Path) -> Mapping[str, str]:
    """Give the settings of an audit before a registry."""
    return {
        "GOVAPP_AUDIT_DATABASE_URL": database_url,
        "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
        "GOVAPP_AUDIT_REGISTRY_URL": registry,
        "GOVAPP_AUDIT_REGISTRY_DEADLINE_S": "30",
        "GOVAPP_AUDIT_SIGNING_KEYS": str(keys),
    }


@contextmanager
def both(registry_database: str, audit_database: str, folder: Path) -> Iterator[Services]:
    """Run a registry and an audit that believe each other."""
    keys, jwks = folder / "keys.json", folder / "jwks.json"
    signing.create(keys)
    jwks.write_bytes(signing.published(keys.read_bytes()))
    registry_settings = {
        "GOVAPP_REGISTRY_DATABASE_URL": registry_database,
        "GOVAPP_REGISTRY_MIGRATES_ON_START": "true",
        "GOVAPP_REGISTRY_AUDIT_KEYS": str(jwks),
        # Tests may run while a day begins.
        "GOVAPP_REGISTRY_RECEIPT_VALID_DAYS": "2",
    }
    with ExitStack() as running:
        registry = running.enter_context(serving("registry", registry_settings, folder / "registry.log"))
        given = environment(audit_database, registry, keys)
        audit = running.enter_context(serving("audit", given, folder / "audit.log"))
        yield Services(registry, audit, keys, folder)


class Workflow:
    """Proposes, has decided, approves."""

    def __init__(self, services: Services) -> None:
        """Connect to both services."""
        self.registry = httpx.Client(base_url=services.registry, timeout=TIMEOUT_S, trust_env=False)
        self.audit = httpx.Client(base_url=services.audit, timeout=TIMEOUT_S, trust_env=False)

    def propose(self, manifest: Document) -> tuple[str, int]:
        """Register an app; give its id and its revision."""
        answer = self.registry.put(f"/v1/apps/{manifest['id']}", json=manifest, headers={"If-None-Match": "*"})
        return str(manifest["id"]), int(done(answer, 201)["revision"])

    def revision(self, app: str) -> int:
        """Give the revision of an app."""
        return int(done(self.registry.get(f"/v1/apps/{app}"))["revision"])

    def decide(self, app: str, revision: int, **more: Any) -> Document:  # noqa: ANN401 - any field of the request
        """Have an app decided."""
        body = {"purpose": "approve", "app": app, "revision": revision, **more}
        return done(self.audit.post("/v1/decisions", json=body), 201)

    def answer(self, decision: Document, **answers: str) -> Document:
        """Answer all that a decision leaves, the same to every question of a kind."""
        told = [
            {
                "question": each["id"],
                "answer": next(answers[kind] for kind in answers if answers[kind] in each["answers"]),
                "basis": "示例核实意见〔2026〕1号",
            }
            for each in decision["questions"]
        ]
        body = {"person": {"name": "示例审核员", "role": "示例审批处处长"}, "answers": told}
        return done(self.audit.post(f"/v1/decisions/{decision['id']}/refer-answers", json=body), 201)

    def approve(self, app: str, revision: int, receipt: str) -> httpx.Response:
        """Ask the registry to approve an app against a receipt."""
        body = {"to": "approved", "reason": "示例批准", "receipt": receipt}
        headers = {"If-Match": f'"{revision}"'}
        return self.registry.post(f"/v1/apps/{app}/transitions", json=body, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self.registry.close()
        self.audit.close()


def done(answer: httpx.Response, status: int = 200) -> Document:
    """Give the body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    document: Document = answer.json()
    return document


def proposal(mark: str, **fields: Any) -> Document:  # noqa: ANN401 - any field of a manifest
    """Give the proposal of an app of a central department that faces the grassroots, as it should be."""
    organ = f"示例部{mark}"
    return {
        "manifest": "1",
        "id": f"example-{secrets.token_hex(6)}",
        "name": "示例部现场通",
        "kind": "app",
        "sponsor": {
            "name": f"{organ}信息中心",
            "level": "central",
            "division": "",
            "root_organ": organ,
            "nature": "public_institution",
            "managed_by": "none",
        },
        "regions": [""],
        "serves": ["own_staff", "lower_units"],
        "faces_grassroots": True,
        "levels": ["central", "province", "county"],
        "sector": f"示例现场管理{mark}",
        "role": "sector_unified",
        "stage": "proposed",
        "proposed_on": "2026-01-08",
        "review": {
            "fits_plan": True,
            "overlaps_existing": False,
            "could_be_module": False,
            "works_with_related": True,
            "meets_sharing_needs": True,
        },
        "features": [
            {
                "id": "browse",
                "name": "政策查询",
                "kind": "query",
                "function": "policy-query",
                "audience": ["own_staff", "lower_units"],
                "all_users": False,
                "levels": ["central", "province", "county"],
                "forced": False,
                "decline": {"how": "可在网站查询", "costs": []},
                "rhythm": "none",
            }
        ],
        "asks": [],
        "holdings": [],
        "usage_policy": [],
        "metrics": [],
        "opened_functions": ["policy-query"],
        **fields,
    }
