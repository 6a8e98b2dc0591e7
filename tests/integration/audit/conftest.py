"""The audit in this process, on each database, before a registry that a test holds in its hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from starlette.testclient import TestClient

from services.audit import signing
from services.audit.main import create_service
from services.audit.settings import AuditSettings
from tests.conftest import ENGINES, new_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Document = dict[str, Any]


@dataclass
class Registry:
    """Apps and what is known around them; every change has a revision, and the past is known."""

    revision: int = 0
    apps: dict[str, list[tuple[int, Document]]] = field(default_factory=dict)
    grants: list[Document] = field(default_factory=list)
    is_away: bool = False
    meanwhile: Callable[[], None] | None = None

    def register(self, manifest: Document) -> tuple[str, int]:
        """Register or change an app; give its id and revision."""
        self.revision += 1
        self.apps.setdefault(manifest["id"], []).append((self.revision, manifest))
        return manifest["id"], self.revision

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer as the registry does."""
        if self.is_away:
            raise httpx.ConnectError("refused", request=request)
        if request.url.path == "/v1/neighbourhoods":
            if self.meanwhile is not None:
                meanwhile, self.meanwhile = self.meanwhile, None
                meanwhile()
            asked = orjson.loads(request.content)
            ties = [{"tie": each["tie"], "total": 0, "neighbours": []} for each in asked["questions"]]
            revision = int(asked.get("as_of", self.revision))
            return httpx.Response(200, json={"revision": revision, "ties": ties, "grants": self.grants})
        as_of = int(request.url.params.get("as_of", self.revision))
        known = [each for each in self.apps.get(request.url.path.rpartition("/")[2], []) if each[0] <= as_of]
        if not known:
            return httpx.Response(404)
        revision, manifest = known[-1]
        return httpx.Response(200, json={"revision": revision, "withdrawn_at": None, "manifest": manifest})


@pytest.fixture(scope="module", params=ENGINES)
def audit_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with new_database(request.param, tmp_path_factory.mktemp("audit"), request) as url:
        yield url


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys.json"
    signing.create(file)
    return file


@pytest.fixture
def registry() -> Registry:
    return Registry()


def audit_of(registry: Registry, url: str, **settings: Any) -> TestClient:  # noqa: ANN401 - any setting
    """Give the audit on a database, before a registry."""
    given = {"database_url": url, "migrates_on_start": True, "registry_tries": 1, "reminder_poll_s": 0, **settings}
    service = create_service(AuditSettings.model_validate(given), httpx.MockTransport(registry.answer))
    return TestClient(service, base_url="http://audit.test")


@pytest.fixture
def http(registry: Registry, audit_database_url: str, keys: Path) -> Iterator[TestClient]:
    with audit_of(registry, audit_database_url, signing_keys=str(keys)) as client:
        yield client
