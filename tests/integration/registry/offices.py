"""An office that keeps the tree of organisations over HTTP."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from services.manifest.credit_code import ALPHABET, check_character

if TYPE_CHECKING:
    import httpx

    from tests.integration.registry.clerk import Clerk, Document


def new_code(first: str = "1") -> str:
    """Make a credit code that no other test uses; the division of registration is that of the fictional province."""
    some = f"{first}1990000{''.join(secrets.choice(ALPHABET) for _ in range(9))}"
    return some + check_character(some)


class Offices:
    """Records organisations, changes them, and expects that it succeeds."""

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk

    def put(self, code: str, body: Document, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send what is to be recorded."""
        answer: httpx.Response = self.clerk.http.put(
            f"/v1/organisations/{code}", json=body, params={"reason": "示例变更"}, headers=headers or {}
        )
        return answer

    def record(self, name: str, code: str | None = None, **facts: Any) -> str:  # noqa: ANN401 - any fact
        """Record a new organisation and give its code."""
        code = code or new_code()
        self.clerk.done(self.put(code, {"names": [{"name": name}], **facts}, {"If-None-Match": "*"}), 201)
        return code

    def change(self, code: str, **facts: Any) -> Document:  # noqa: ANN401 - any fact
        """Change an organisation to these facts."""
        return self.clerk.done(self.put(code, facts, {"If-Match": self.tag(code)}))

    def tag(self, code: str) -> str:
        """Give the entity tag of an organisation."""
        return self.clerk.etag(f"/v1/organisations/{code}")

    def get(self, code: str, **parameters: str) -> Document:
        """Read an organisation."""
        return self.clerk.get(f"/v1/organisations/{code}", **parameters)

    def path(self, code: str, **parameters: str) -> list[Document]:
        """Give the way from an organisation to its root."""
        steps: list[Document] = self.clerk.get(f"/v1/organisations/{code}/path", **parameters)["items"]
        return steps

    def codes(self, **parameters: str) -> list[str]:
        """List organisations and give their codes."""
        return [each["code"] for each in self.clerk.get("/v1/organisations", **parameters)["items"]]
