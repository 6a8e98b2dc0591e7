"""Where webhooks may go: public addresses, and networks that are allowed; whatever way they are written."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from services.registry.webhooks.addresses import Target, UrlRefusedError, is_permitted, target
from services.registry.webhooks.settings import WebhooksSettings

PUBLIC = ["1.2.4.8", "8.8.8.8", "2400:3200::1", "::ffff:8.8.8.8", "2606:4700:4700::1111"]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104 - nobody listens there
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "no address",
    "",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_to_public_addresses(address: str) -> None:
    assert is_permitted(address, ())


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_to_no_others(address: str) -> None:
    assert not is_permitted(address, ())


def test_to_networks_that_are_allowed_and_not_beyond() -> None:
    allowed = [ip_network("10.1.0.0/16"), ip_network("fd12::/16")]
    assert is_permitted("10.1.2.3", allowed)
    assert is_permitted("::ffff:10.1.2.3", allowed)
    assert is_permitted("fd12::5", allowed)
    assert not is_permitted("10.2.0.1", allowed)
    assert not is_permitted("fd13::5", allowed)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://receiver.example", Target("https", "receiver.example", 443, "/")),
        ("https://Receiver.Example/a/b?c=d&e", Target("https", "receiver.example", 443, "/a/b?c=d&e")),
        ("https://receiver.example:8443/", Target("https", "receiver.example", 8443, "/")),
        ("https://[2400:3200::1]/x", Target("https", "2400:3200::1", 443, "/x")),
    ],
)
def test_a_url_is_taken_to_pieces(url: str, found: Target) -> None:
    assert target(url, WebhooksSettings()) == found


def test_the_host_is_said_as_it_was_written() -> None:
    assert Target("https", "receiver.example", 443, "/").authority == "receiver.example"
    assert Target("https", "receiver.example", 8443, "/").authority == "receiver.example:8443"
    assert Target("http", "2400:3200::1", 8080, "/").authority == "[2400:3200::1]:8080"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example",
        "//receiver.example/",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "http://receiver.example/",
        "https:///path",
        "https://user@receiver.example/",
        "https://user:pass@receiver.example/",
        "https://:@receiver.example/",
        "https://receiver.example/#part",
        "https://receiver.example:22/",
        "https://receiver.example:0/",
        "https://receiver.example:99999/",
        "https://receiver.example:x/",
        "https://receiver.example\\@10.0.0.1/",
        "https://receiver.example/ a",
        "https://receiver.example/\r\nX: y",
        "https://接收方.example/",
        "https://[::1/",
        "https://10.0.0.1/",
        "https://[::ffff:10.0.0.1]/",
        "https://receiver.example/" + "a" * 2000,
    ],
)
def test_a_url_that_leads_nowhere_good_is_refused(url: str) -> None:
    with pytest.raises(UrlRefusedError) as refused:
        target(url, WebhooksSettings())
    assert refused.value.fact.zh
    assert refused.value.remedy.zh


def test_settings_allow_more() -> None:
    wide = WebhooksSettings.model_validate({"allows_http": True, "ports": [], "allowed_networks": ["10.0.0.0/8"]})
    assert target("http://10.0.0.1:81/", wide) == Target("http", "10.0.0.1", 81, "/")
    assert target("http://receiver.example/", wide).port == 80
