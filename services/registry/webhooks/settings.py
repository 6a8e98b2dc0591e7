"""Settings of webhooks: `GOVAPP_REGISTRY_WEBHOOKS__…`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.manifest.values import Line

_Delay = Annotated[float, Field(ge=0, le=604_800)]


class WebhooksSettings(BaseModel):
    """Where webhooks may go, and how long they are tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Line = Field(
        default="urn:govapp:registry", description="事件的来源（CloudEvents source）· the source of events, a URI"
    )
    allows_http: bool = Field(
        default=False, description="是否允许不加密的 http · whether http without encryption is allowed"
    )
    ports: frozenset[int] = Field(
        default=frozenset({443, 8443}), description="允许的端口；空为不限 · ports allowed; empty: all"
    )
    allowed_networks: frozenset[IPv4Network | IPv6Network] = Field(
        default=frozenset(),
        description="虽非公网、但允许投递的网段，如政务外网的网段"
        " · networks that may be reached although they are not public, such as a government network",
    )
    timeout_s: float = Field(
        default=10, gt=0, le=60, description="一次投递的时限（秒）· seconds for one attempt, from name to answer"
    )
    retry_delays_s: tuple[_Delay, ...] = Field(
        default=(5, 60, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400),
        max_length=50,
        description="第一次失败以后，各次重试之前等候的秒数；用完即成死信"
        " · seconds to wait before each further attempt; after the last one it is a dead letter",
    )
    at_once: int = Field(default=8, ge=1, le=100, description="同时投递给几个订阅 · subscriptions served at once")
    poll_s: float = Field(
        default=0.5, ge=0.01, le=60, description="隔多少秒看一次有无变更 · seconds between looks for changes"
    )
    overlap_h: float = Field(
        default=24,
        ge=0,
        le=720,
        description="更换密钥后，旧密钥继续签名几小时 · hours for which a replaced secret still signs",
    )
    max_subscriptions: int = Field(
        default=200, ge=0, le=10_000, description="未终止的订阅上限 · subscriptions that have not ended, at most"
    )
    kept_days: int = Field(default=30, ge=1, le=3650, description="投递记录保留几天 · days for which attempts are kept")
