"""The keys of the audit: from a file or over HTTP, kept for a while, and never believed when they cannot be had."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from benchmarks.auditor import Auditor
from services.registry import audit_keys
from services.registry.audit_keys import MAX_AGE_S, MAX_BYTES, PAUSE_S, AuditKeys, KeysUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = Auditor("example-old"), Auditor("example-new")


@dataclass
class Clock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Publisher:
    """Answers with what it was told to, over HTTP on loopback."""

    url: str = ""
    status: int = 200
    content: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    pause_s: float = 0


def jwks(*auditors: Auditor) -> bytes:
    return orjson.dumps({"keys": [each.public() for each in auditors]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def publishing() -> Iterator[Publisher]:
    publisher = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            publisher.asked += 1
            self.send_response(publisher.status)
            for name, value in publisher.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(publisher.content)))
            self.end_headers()
            for byte in publisher.content if publisher.pause_s else ():
                self.wfile.write(bytes([byte]))
                time.sleep(publisher.pause_s)
            if not publisher.pause_s:
                self.wfile.write(publisher.content)

        def log_message(self, *_: Any) -> None:  # noqa: ANN401 - as the library has it
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        publisher.url = f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
        try:
            yield publisher
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as started:
        started.content = jwks(OLD)
        yield started


def is_known(keys: AuditKeys, auditor: Auditor) -> bool:
    key = keys.find(auditor.kid)
    if key is None:
        return False
    assert key.as_dict() == {name: auditor.public()[name] for name in ("kty", "crv", "x", "kid")}
    return True


def test_keys_in_a_file_are_known_by_their_ids(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(jwks(OLD, NEW))
    keys = AuditKeys(str(file))
    assert is_known(keys, OLD)
    assert is_known(keys, NEW)
    assert keys.find("another") is None


def test_keys_at_a_url_are_fetched_once_for_a_while(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    for _ in range(3):
        assert is_known(keys, OLD)
    clock.now_s += MAX_AGE_S
    assert is_known(keys, OLD)
    assert publisher.asked == 1
    clock.now_s += 1
    assert is_known(keys, OLD)
    assert publisher.asked == 2


def test_a_new_key_is_found_when_it_is_first_used(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    assert is_known(keys, OLD)
    publisher.content = jwks(OLD, NEW)
    clock.now_s += PAUSE_S + 1
    assert is_known(keys, NEW)
    assert is_known(keys, OLD)


def test_unknown_keys_do_not_make_it_ask_all_the_time(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    for n in range(20):
        assert keys.find(f"guessed-{n}") is None
    assert publisher.asked == 1


def test_a_key_that_is_no_longer_published_is_no_longer_believed(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    assert is_known(keys, OLD)
    publisher.content = jwks(NEW)
    clock.now_s += MAX_AGE_S + 1
    assert not is_known(keys, OLD)


def test_keys_that_cannot_be_had_again_are_not_believed_for_longer(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    assert is_known(keys, OLD)
    publisher.status = 503
    clock.now_s += MAX_AGE_S + 1
    with pytest.raises(KeysUnavailableError, match="answered 503"):
        keys.find(OLD.kid)
    # Whoever comes next is told at once, and a little later it is tried again.
    with pytest.raises(KeysUnavailableError, match="answered 503"):
        keys.find(OLD.kid)
    assert publisher.asked == 2
    publisher.status = 200
    clock.now_s += PAUSE_S + 1
    assert is_known(keys, OLD)


def test_while_keys_are_believed_an_unknown_one_is_no_reason_to_forget_them(publisher: Publisher, clock: Clock) -> None:
    keys = AuditKeys(publisher.url, clock)
    assert is_known(keys, OLD)
    publisher.status = 503
    clock.now_s += PAUSE_S + 1
    with pytest.raises(KeysUnavailableError):
        keys.find(NEW.kid)
    assert is_known(keys, OLD)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "JSONDecodeError"),
        (b"\xff", "JSONDecodeError"),
        (b"[]", "no JWKS"),
        (b"{}", "no JWKS"),
        (b'{"keys": {}}', "no JWKS"),
        (orjson.dumps({"keys": [{**OLD.public(), "x": "short"}]}), "example-old is malformed"),
        (b" " * (MAX_BYTES + 1), f"more than {MAX_BYTES} bytes"),
    ],
    ids=["empty", "bytes", "list", "object", "map", "short", "huge"],
)
def test_what_is_no_set_of_keys_makes_nothing_known(
    publisher: Publisher, tmp_path: Path, content: bytes, said: str
) -> None:
    publisher.content = content
    file = tmp_path / "jwks.json"
    file.write_bytes(content)
    for source in (publisher.url, str(file)):
        with pytest.raises(KeysUnavailableError, match=said):
            AuditKeys(source).find(OLD.kid)


def test_keys_of_other_kinds_and_uses_are_passed_over(tmp_path: Path) -> None:
    public = OLD.public()
    others: list[Any] = [
        *({**public, "crv": "Ed448"}, {**public, "kty": "EC"}, {**public, "use": "enc"}, {**public, "kid": 1}),
        *({**public, "x": 1}, {"kty": "oct", "k": "AAAA", "kid": OLD.kid}, {}, None, "key", []),
    ]
    file = tmp_path / "jwks.json"
    file.write_bytes(orjson.dumps({"keys": [*others, NEW.public()]}))
    keys = AuditKeys(str(file))
    assert not is_known(keys, OLD)
    assert is_known(keys, NEW)


def test_a_redirection_is_not_followed(publisher: Publisher) -> None:
    with publishing() as other:
        other.content = jwks(OLD)
        publisher.status, publisher.headers = 302, {"Location": other.url}
        with pytest.raises(KeysUnavailableError, match="answered 302"):
            AuditKeys(publisher.url).find(OLD.kid)
        assert other.asked == 0


def test_an_answer_that_drips_is_not_waited_for(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_keys, "TIMEOUT_S", 0.2)
    publisher.content, publisher.pause_s = publisher.content[:20], 0.05
    with pytest.raises(KeysUnavailableError, match="longer than"):
        AuditKeys(publisher.url).find(OLD.kid)


@pytest.mark.parametrize(
    "source",
    [None, "absent.json", ".", "\x00", "http://127.0.0.1:1/jwks.json", "http://[::1", "https://user@:x/"],
    ids=repr,
)
def test_a_place_that_does_not_answer_makes_nothing_known(source: str | None) -> None:
    with pytest.raises(KeysUnavailableError):
        AuditKeys(source).find(OLD.kid)


def test_a_private_key_that_was_published_by_mistake_is_not_kept(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    file.write_bytes(orjson.dumps({"keys": [{**OLD.key.as_dict(private=True), "kid": OLD.kid}]}))
    key = AuditKeys(str(file)).find(OLD.kid)
    assert key is not None
    assert not key.is_private
