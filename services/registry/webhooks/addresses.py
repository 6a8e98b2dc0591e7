"""Where webhooks may go. A subscriber names the address, and the registry connects to it from inside.

What is judged is the address that is connected to, not the name, which may say something else a moment later.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection

    from services.registry.webhooks.settings import WebhooksSettings

MOST_CHARACTERS = 2000
_PORTS = {"https": 443, "http": 80}

_TRANSLATED = (
    IPv6Network("::/96"),  # IPv4-compatible
    IPv6Network("64:ff9b::/96"),  # NAT64
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a local network
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("2002::/16"),  # 6to4
)
"""Networks whose addresses hold an IPv4 address, and lead to it."""

_SPECIAL = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments
    IPv4Network("192.88.99.0/24"),  # 6to4 relays
    IPv6Network("2001::/23"),  # protocol assignments
)
"""Networks that are not public either; which of them Python knows to be so depends on its version."""

_UNICAST = IPv6Network("2000::/3")


class UrlRefusedError(ValueError):
    """A URL cannot be that of a subscription; says why, and what to do."""

    def __init__(self, fact: Text, remedy: Text) -> None:
        """Take what is wrong with it, and what would be right."""
        self.fact = fact
        self.remedy = remedy
        super().__init__(fact.en)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in pieces: what is connected to, and what is asked of it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def is_permitted(address: str, allowed: Collection[IPv4Network | IPv6Network]) -> bool:
    """Tell whether webhooks may go to an IP address: a public one, or one of a network that is allowed."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if any(found in network for network in allowed):
        return True
    if any(found in network for network in (*_TRANSLATED, *_SPECIAL)):
        return False
    if isinstance(found, IPv6Address) and (found not in _UNICAST or found.scope_id is not None):
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def target(url: str, settings: WebhooksSettings) -> Target:
    """Take a URL to pieces.

    Raises:
        UrlRefusedError: webhooks cannot go there, wherever its name leads.

    """
    split, port = _split(url)
    if split.scheme != "https" and not (settings.allows_http and split.scheme == "http"):
        raise UrlRefusedError(Text("网址必须以 https:// 开头", "the URL is not https"), Text("使用 https", "use https"))
    if not split.hostname:
        raise _unreadable()
    if split.username is not None or split.password is not None:
        raise UrlRefusedError(
            Text("网址中有用户名或密码", "the URL holds a user name or password"),
            Text("去掉；来源以签名证明", "leave them out: the signature proves who sends"),
        )
    if split.fragment:
        raise UrlRefusedError(Text("网址中有 #", "the URL has a fragment"), Text("去掉", "leave it out"))
    number = _PORTS[split.scheme] if port is None else port
    if number == 0 or (settings.ports and number not in settings.ports):
        listed = "、".join(map(str, sorted(settings.ports))) or "1–65535"
        raise UrlRefusedError(
            Text(f"不允许端口 {number}", f"the port {number} is not allowed"),
            Text(f"使用 {listed}", f"use one of {listed}"),
        )
    path = (split.path or "/") + (f"?{split.query}" if split.query else "")
    found = Target(split.scheme, split.hostname, number, path)
    if _is_literal(found.host) and not is_permitted(found.host, settings.allowed_networks):
        raise refused_address()
    return found


def refused_address() -> UrlRefusedError:
    """Give what says that an address is none that webhooks go to."""
    return UrlRefusedError(
        Text("不向非公网地址投递", "webhooks do not go to addresses that are not public"),
        Text("使用公网地址，或请管理员允许其网段", "use a public one, or have its network allowed"),
    )


def _split(url: str) -> tuple[SplitResult, int | None]:
    # What is not plain text in a URL reads differently to different readers; nobody needs it.
    if len(url) > MOST_CHARACTERS or not url.isascii() or any(each <= " " or each in '\\"<>^`{|}\x7f' for each in url):
        raise _unreadable()
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise _unreadable() from None
    return split, port


def _unreadable() -> UrlRefusedError:
    return UrlRefusedError(
        Text("读不出网址", "the URL cannot be read"),
        Text(
            f"写成 https://主机/路径，只用 ASCII 字符，至多 {MOST_CHARACTERS} 个",
            f"write https://host/path in ASCII characters, {MOST_CHARACTERS} at most",
        ),
    )


def _is_literal(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
