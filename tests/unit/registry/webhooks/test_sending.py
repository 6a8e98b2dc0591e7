"""Sending: to the address that was checked, in the name that was meant, within a time, and no further."""

from __future__ import annotations

import asyncio
import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.registry.webhooks.sending import Outcome, Sender
from services.registry.webhooks.settings import WebhooksSettings
from tests.receiver import Receiver, receiving

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

BODY = b"{}"
HEADERS = {"webhook-id": "s_1"}


class Names:
    """A resolver that gives one answer after the other, and counts."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, OSError):
            raise answer
        return answer


def settings(**given: Any) -> WebhooksSettings:  # noqa: ANN401 - any setting
    on_loopback = {"allows_http": True, "ports": [], "allowed_networks": ["127.0.0.1/32"], "timeout_s": 5}
    return WebhooksSettings.model_validate({**on_loopback, **given})


def send(names: Names, url: str, **given: Any) -> Outcome:  # noqa: ANN401 - any setting
    async def once() -> Outcome:
        sender = Sender(settings(**given), names)
        try:
            return await sender.send(url, HEADERS, BODY)
        finally:
            await sender.close()

    return asyncio.run(once())


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def test_it_connects_to_the_address_that_was_checked_and_asks_for_the_name_once(receiver: Receiver) -> None:
    # Whoever asked again would be led elsewhere.
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    outcome = send(names, f"http://receiver.example:{receiver.port}/hook?x=%20y")
    assert (outcome.status, outcome.error) == (200, None)
    assert names.asked == [("receiver.example", receiver.port)]
    assert receiver.received[0].headers["host"] == f"receiver.example:{receiver.port}"
    assert receiver.received[0].body == BODY


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.2", "169.254.169.254", "0.0.0.1"])
def test_a_name_that_leads_inside_is_not_followed(receiver: Receiver, address: str) -> None:
    outcome = send(Names([address]), f"http://receiver.example:{receiver.port}/")
    assert (outcome.status, outcome.error) == (None, "address refused")
    assert receiver.received == []


def test_of_several_addresses_only_a_permitted_one_is_used(receiver: Receiver) -> None:
    outcome = send(Names(["10.0.0.1", "::1", "127.0.0.1"]), f"http://receiver.example:{receiver.port}/")
    assert outcome.error is None


@pytest.mark.parametrize("literal", ["2130706434", "0x7f000002", "127.2", "0177.0.0.2"])
def test_an_address_in_disguise_is_seen_through(literal: str) -> None:
    async def once() -> Outcome:
        sender = Sender(settings())
        try:
            return await sender.send(f"http://{literal}:1/", HEADERS, BODY)
        finally:
            await sender.close()

    assert asyncio.run(once()).error in {"address refused", "name unknown"}


@pytest.mark.parametrize("status", [199 + 2, 204, 299])
def test_any_success_will_do(receiver: Receiver, status: int) -> None:
    receiver.answer = status
    assert send(Names(["127.0.0.1"]), f"http://receiver.example:{receiver.port}/").error is None


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 410, 429, 500])
def test_everything_else_is_a_failure_and_no_redirect_is_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = status
    receiver.headers = {"Location": f"http://127.0.0.1:{receiver.port}/elsewhere"}
    outcome = send(Names(["127.0.0.1"]), f"http://receiver.example:{receiver.port}/")
    assert (outcome.status, outcome.error) == (status, f"status {status}")
    assert len(receiver.received) == 1


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert send(Names(["127.0.0.1"]), f"http://receiver.example:{receiver.port}/").error is None


def test_no_answer_in_time_is_a_failure(receiver: Receiver) -> None:
    receiver.hold()
    url = f"http://receiver.example:{receiver.port}/"
    assert send(Names(["127.0.0.1"]), url, timeout_s=0.2).error == "timeout"


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"])
def test_nor_is_an_answer_that_comes_byte_by_byte(beginning: bytes) -> None:
    async def once() -> Outcome:
        is_over = asyncio.Event()

        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(beginning)
            try:
                while True:
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.01)
            except OSError:
                writer.close()
                is_over.set()

        server = await asyncio.start_server(drip, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = Sender(settings(timeout_s=0.3), Names(["127.0.0.1"]))
        try:
            return await sender.send(f"http://receiver.example:{port}/", HEADERS, BODY)
        finally:
            await sender.close()
            await is_over.wait()
            server.close()

    assert asyncio.run(once()).error == "timeout"


def test_a_name_that_nobody_knows_and_a_port_where_nobody_listens() -> None:
    assert send(Names(socket.gaierror()), "http://receiver.example/").error == "name unknown"
    assert send(Names([]), "http://receiver.example/").error == "address refused"
    assert send(Names(["127.0.0.1"]), "http://receiver.example:9/").error == "connection"


def test_what_the_receiver_asks_for_is_told(receiver: Receiver) -> None:
    receiver.answer = 429
    url = f"http://receiver.example:{receiver.port}/"
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    for said, least, most in (("120", 120, 120), (later, 3500, 3600), ("soon", 0, 0), ("-5", 0, 0), ("9" * 30, 0, 0)):
        receiver.headers = {"Retry-After": said}
        assert least <= send(Names(["127.0.0.1"]), url).retry_after_s <= most


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for receiver.example that vouches for itself, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("receiver.example")]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "receiver.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_certificate_must_be_of_the_name_though_the_address_is_connected_to(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    names = Names(["127.0.0.1"])
    with receiving(tls) as receiver:
        assert send(names, f"https://receiver.example:{receiver.port}/").error == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert send(names, f"https://receiver.example:{receiver.port}/").error is None
        assert send(names, f"https://other.example:{receiver.port}/").error == "tls"
        assert len(receiver.received) == 1
