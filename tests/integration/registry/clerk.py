"""A clerk who uses the registry over HTTP the way its callers do."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from starlette.testclient import TestClient

Document = dict[str, Any]

SPONSOR = {"name": "示例市数据局", "level": "city", "division": "9901", "root_organ": "示例市数据局"}
GRANT: Document = {
    "kind": "approval",
    "granter": {"name": "示例市发展和改革局"},
    "basis": {"title": "示例市项目管理办法", "number": "示发改〔2025〕7号"},
    "granted_on": "2025-01-06",
    "from_on": "2025-01-06",
}


def new_id() -> str:
    """Make an id that no other test uses."""
    return f"app-{secrets.token_hex(6)}"


def manifest(app: str, **fields: Any) -> Document:  # noqa: ANN401 - any field of a manifest
    """Make a manifest with a sponsor and no more than the fields given."""
    return {"manifest": "1", "id": app, "name": "示例应用", "kind": "app", "sponsor": SPONSOR, **fields}


class Clerk:
    """Registers, changes, withdraws, grants, and expects that it succeeds."""

    def __init__(self, http: TestClient) -> None:
        self.http = http

    def register(self, **fields: Any) -> str:  # noqa: ANN401 - any field of a manifest
        """Register a new app and give its id."""
        app: str = fields.pop("id", None) or new_id()
        self.done(self.http.put(f"/v1/apps/{app}", json=manifest(app, **fields), headers={"If-None-Match": "*"}), 201)
        return app

    def change(self, app: str, **fields: Any) -> Document:  # noqa: ANN401 - any field of a manifest
        """Change an app to a manifest with these fields."""
        answer = self.http.put(
            f"/v1/apps/{app}",
            json=manifest(app, **fields),
            params={"reason": "示例变更"},
            headers={"If-Match": self.etag(f"/v1/apps/{app}")},
        )
        return self.done(answer)

    def withdraw(self, app: str) -> Document:
        """Withdraw an app."""
        place = f"/v1/apps/{app}"
        headers = {"If-Match": self.etag(place)}
        return self.done(self.http.post(f"{place}/withdraw", json={"reason": "示例撤回"}, headers=headers))

    def grant(self, app: str, **terms: Any) -> Document:  # noqa: ANN401 - any term of a grant
        """Record a grant."""
        return self.done(self.http.post(f"/v1/apps/{app}/grants", json={**GRANT, **terms}), 201)

    def neighbourhood(self, app: str | None, *questions: tuple[str, list[str]], limit: int = 100) -> Document:
        """Ask who offers ties in regions."""
        asked = [{"tie": tie, "regions": regions} for tie, regions in questions]
        return self.done(self.http.post("/v1/neighbourhoods", json={"app": app, "questions": asked, "limit": limit}))

    def etag(self, place: str) -> str:
        """Give the entity tag of what is at a path."""
        answer = self.http.get(place)
        self.done(answer)
        tag: str = answer.headers["ETag"]
        return tag

    def get(self, place: str, **parameters: Any) -> Document:  # noqa: ANN401 - any query parameter
        """Read what is at a path."""
        return self.done(self.http.get(place, params=parameters))

    @staticmethod
    def done(answer: httpx.Response, status: int = 200) -> Document:
        """Give the body of an answer that must have this status."""
        assert answer.status_code == status, answer.text
        document: Document = answer.json()
        return document


def problem(answer: httpx.Response, status: int, pointer: str | None = None) -> Document:
    """Give the problem of an answer that must have this status, and a fault at `pointer`."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Document = answer.json()
    if pointer is not None:
        assert pointer in [fault["pointer"] for fault in document["errors"]], document
    return document
