"""Settings of the audit service, read from the environment: `GOVAPP_AUDIT_…`."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.audit.registry_client import RegistryOptions
from services.web import WebSettings


class AuditSettings(BaseSettings):
    """What one process of the audit service needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="GOVAPP_AUDIT_", env_nested_delimiter="__", frozen=True, extra="forbid", env_ignore_empty=True
    )

    registry_url: str = Field(
        default="http://127.0.0.1:8401",
        pattern=r"^https?://[^/\s]+/?$",
        description="登记系统的地址 · where the registry listens",
    )
    registry_token: SecretStr | None = Field(
        default=None, description="访问登记系统的令牌 · bearer token for the registry"
    )
    registry_deadline_s: float = Field(
        default=3.0,
        gt=0,
        le=60,
        description="向登记系统提一个问题的时限，含重试（秒）· seconds for one question, tries included",
    )
    registry_tries: int = Field(default=3, ge=1, le=10, description="至多问几次 · how often it is asked at most")
    registry_connections: int = Field(
        default=16, ge=1, le=256, description="至多保持的连接数 · connections kept at most"
    )
    web: WebSettings = Field(default=WebSettings(), description="限额与调用方 · limits and callers")

    def registry(self) -> RegistryOptions:
        """Give how the registry is asked."""
        return RegistryOptions(
            url=self.registry_url,
            token=None if self.registry_token is None else self.registry_token.get_secret_value(),
            deadline_s=self.registry_deadline_s,
            tries=self.registry_tries,
            connections=self.registry_connections,
        )
