import pytest
from pydantic import ValidationError

from services.web import SCOPES, WebSettings
from tests.unit.web.tiny import ADMIN, READER, WRITER, ask, bearer, guarded_settings, tiny_service

BY_SCOPE = {
    "public": ("GET", "/v1/me"),
    "read": ("GET", "/v1/things"),
    "write": ("PUT", "/v1/things/a"),
    "approve": ("POST", "/v1/things/a/seal"),
    "admin": ("DELETE", "/v1/things/a"),
}
TOKENS = {"read": READER, "write": WRITER, "admin": ADMIN}


def status(settings: WebSettings, scope: str, headers: dict[str, str] | None = None) -> int:
    method, path = BY_SCOPE[scope]
    json = {"name": "a"} if method == "PUT" else None
    return ask(tiny_service(settings=settings), method, path, headers=headers, json=json).status_code


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_without_tokens_and_open_everything_is_allowed(scope: str) -> None:
    assert status(WebSettings(), scope) not in {401, 403}


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_without_tokens_and_not_open_only_what_is_public_is_allowed(scope: str) -> None:
    assert (status(WebSettings(open_access=False), scope) == 401) == (scope != "public")


@pytest.mark.parametrize("scope", sorted(SCOPES))
def test_a_token_ends_open_access(scope: str) -> None:
    assert (status(guarded_settings(open_access=True), scope) == 401) == (scope != "public")


@pytest.mark.parametrize("held", TOKENS)
@pytest.mark.parametrize("needed", sorted(SCOPES))
def test_no_scope_implies_another(held: str, needed: str) -> None:
    reply = status(guarded_settings(), needed, bearer(TOKENS[held]))
    assert (reply == 403) == (needed not in {held, "public"})
    assert reply != 401


def test_anonymous_callers_may_be_given_scopes() -> None:
    settings = guarded_settings(anonymous_scopes=["read"])
    assert status(settings, "public") == 200
    assert status(settings, "read") == 200
    assert status(settings, "write") == 401
    # A token that is wrong is a mistake to be told, not a reason to pass as anonymous.
    assert status(settings, "read", bearer("wrong")) == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Basic {READER}",
        READER,
        f"Bearer {READER} {READER}",
        f"Bearer {READER}x",
        "",
    ],
)
def test_a_bad_token_is_challenged(authorization: str) -> None:
    reply = ask(
        tiny_service(settings=guarded_settings()), "GET", "/v1/things", headers={"Authorization": authorization}
    )
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="govapp", error="invalid_token"'


def test_no_token_is_challenged_without_an_error() -> None:
    reply = ask(tiny_service(settings=guarded_settings()), "GET", "/v1/things")
    assert reply.headers["www-authenticate"] == 'Bearer realm="govapp"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_caller_is_known_by_name(scheme: str) -> None:
    service = tiny_service(settings=guarded_settings())
    assert ask(service, "GET", "/v1/me", headers={"Authorization": f"{scheme} {READER}"}).json()["caller"] == "示例读者"
    assert ask(service, "GET", "/v1/me").json()["caller"] == "anonymous"
    assert ask(service, "GET", "/v1/me", headers=bearer("wrong")).json()["caller"] == "anonymous"


@pytest.mark.parametrize(
    "broken",
    [
        {"tokens": {"plain-text": {"name": "x", "scopes": ["read"]}}},
        {"tokens": {"A" * 64: {"name": "x", "scopes": ["read"]}}},
        {"tokens": {"a" * 64: {"name": "", "scopes": ["read"]}}},
        {"tokens": {"a" * 64: {"name": "x\ny", "scopes": ["read"]}}},
        {"tokens": {"a" * 64: {"name": "x", "scopes": ["everything"]}}},
        {"max_body_bytes": 0},
        {"rate_per_second": -1},
        {"rate_per_second": float("inf")},
        {"deadline_s": float("nan")},
        {"unknown_setting": 1},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebSettings.model_validate(broken)


def test_every_setting_says_what_it_is() -> None:
    assert [name for name, field in WebSettings.model_fields.items() if not field.description] == []
