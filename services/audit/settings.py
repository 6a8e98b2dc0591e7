"""Settings of the audit service, read from the environment: `GOVAPP_AUDIT_…`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.audit.evidence import LARGEST
from services.audit.index_settings import IndexSettings
from services.audit.registry_client import RegistryOptions
from services.audit.signing import SigningKeys
from services.audit.store.database import Database
from services.database.doors import read_url
from services.jobs import JobsSettings
from services.manifest.receipt import ISSUER
from services.manifest.values import Line
from services.web import WebSettings


def _database_url(url: SecretStr) -> SecretStr:
    read_url(url.get_secret_value())
    return url


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
    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        default=SecretStr("sqlite:///audit.db"),
        description="数据库：sqlite:///文件 或 postgresql://… · the database",
    )
    database_connections: int = Field(
        default=8, ge=2, le=256, description="至多保持的数据库连接数 · database connections kept at most"
    )
    statement_timeout_s: float = Field(
        default=10,
        gt=0,
        le=600,
        description="一条语句的时限（秒，仅 PostgreSQL）· seconds for one statement (PostgreSQL)",
    )
    lock_timeout_s: float = Field(
        default=5, gt=0, le=600, description="等候其他写入的时限（秒）· seconds of waiting for another write"
    )
    migrates_on_start: bool | None = Field(
        default=None,
        description="启动时是否更新表结构；未设置时 SQLite 更新、PostgreSQL 不更新"
        " · whether the schema is migrated at the start; when not set, SQLite's is and PostgreSQL's is not",
    )
    answers_kept_h: int = Field(
        default=24,
        ge=1,
        le=24 * 365,
        description="带 Idempotency-Key 的答复保留多少小时 · hours for which answers under an Idempotency-Key are kept",
    )
    signing_keys: Path | None = Field(
        default=None,
        description="签名密钥文件（govapp keys new）；没有它就不作判定"
        " · file of the signing keys (`govapp keys new`); without it nothing is decided",
    )
    issuer: Line = Field(default=ISSUER, description="收据的签发者（iss）· the issuer named in receipts")
    index: IndexSettings = Field(default=IndexSettings(), description="索引 · the index")
    jobs: JobsSettings = Field(default=JobsSettings(), description="后台任务 · durable work")
    evidence_max_bytes: int = Field(
        default=20 * 1024 * 1024,
        ge=1,
        le=LARGEST,
        description="一份佐证材料的上限（字节）· bytes of the largest piece of evidence",
    )
    reminder_days: tuple[Annotated[int, Field(ge=-365, le=365)], ...] = Field(
        default=(7, 1, 0, -1, -7),
        max_length=50,
        description="整改到期前多少天提醒，负数为到期之后"
        " · on how many days before a due date there is a reminder; negative ones come after it",
    )
    reminder_poll_s: float = Field(
        default=60,
        ge=0,
        le=86400,
        description="隔多少秒看一次有没有该提醒的，0 为不提醒 · seconds between looks for reminders; 0 is never",
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

    def database(self) -> Database:
        """Give the database; nothing is opened yet."""
        return Database(
            self.database_url.get_secret_value(),
            connections=self.database_connections,
            statement_timeout_s=self.statement_timeout_s,
            lock_timeout_s=self.lock_timeout_s,
        )

    def keys(self) -> SigningKeys | None:
        """Give the signing keys; nothing is read yet."""
        return None if self.signing_keys is None else SigningKeys(self.signing_keys)

    @property
    def answers_kept(self) -> timedelta:
        """For how long answers under an `Idempotency-Key` are kept."""
        return timedelta(hours=self.answers_kept_h)
