"""Those who follow findings: they audit, move, comment and attest over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.workflow import proposal

if TYPE_CHECKING:
    from starlette.testclient import TestClient

Document = dict[str, Any]
PERSON = {"name": "示例检查员", "role": "示例督查室主任"}
PLAN = {"plan": "取消强制打卡", "unit": "示例信息中心"}
RULE = "forced_check_in"


def forced(mark: str = "甲", **fields: Any) -> Document:  # noqa: ANN401 - any field of a manifest
    """Give an app with one violation: checking in is forced."""
    document = proposal(mark, stage="online", begun_on="2025-01-08", online_on="2025-06-01", **fields)
    document["features"].append(check_in())
    return document


def check_in(id: str = "check-in", **fields: Any) -> Document:  # noqa: ANN401 - any field of a feature
    """Give a feature by which users are made to check in."""
    return {
        "id": id,
        "name": "定位签到",
        "kind": "check_in",
        "function": "check-in",
        "audience": ["lower_units"],
        "all_users": True,
        "levels": ["county"],
        "forced": True,
        "rhythm": "none",
        **fields,
    }


def done(answer: Any, status: int = 200) -> Any:  # noqa: ANN401 - the test client's own types
    """Give the body of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json()


@dataclass
class Inspector:
    """A caller of the audit."""

    http: TestClient
    headers: dict[str, str]

    def audit(self, app: str, status: int = 201, **more: Any) -> Any:  # noqa: ANN401 - any field
        """Have an app audited."""
        return done(self.http.post("/v1/audits", json={"app": app, **more}, headers=self.headers), status)

    def findings(self, **query: Any) -> list[Document]:  # noqa: ANN401 - any parameter
        """List findings, the oldest first."""
        items: list[Document] = done(self.http.get("/v1/findings", params=query, headers=self.headers))["items"]
        return items[::-1]

    def finding(self, id: str) -> Document:
        """Give a finding."""
        found: Document = done(self.http.get(f"/v1/findings/{id}", headers=self.headers))
        return found

    def move(self, finding: Document, to: str, **more: Any) -> Any:  # noqa: ANN401 - an answer
        """Ask for a move of a finding as it was read."""
        body = {"to": to, "reason": "示例理由", **more}
        headers = {**self.headers, "If-Match": f'"{finding["number"]}"'}
        return self.http.post(f"/v1/findings/{finding['id']}/transitions", json=body, headers=headers)

    def moved(self, id: str, to: str, **more: Any) -> Document:  # noqa: ANN401 - any field
        """Move a finding as it stands."""
        found: Document = done(self.move(self.finding(id), to, **more))
        return found

    def history(self, id: str) -> list[Document]:
        """Give what happened to a finding."""
        items: list[Document] = done(self.http.get(f"/v1/findings/{id}/history", headers=self.headers))["items"]
        return items

    def actions(self, id: str) -> list[str]:
        """Give the names of what happened to a finding."""
        return [each["action"] for each in self.history(id)]
