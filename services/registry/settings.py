"""Settings of the registry, read from the environment: `GOVAPP_REGISTRY_…`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.jobs import JobsSettings
from services.manifest.neighbourhood import GrantKind
from services.manifest.receipt import ISSUER
from services.manifest.values import Line
from services.registry.store.database import Database, read_url
from services.registry.webhooks.settings import WebhooksSettings
from services.web import WebSettings

LARGEST_FILE = 4 << 30
"""The largest file in bytes that can be allowed to be imported."""


def _database_url(url: SecretStr) -> SecretStr:
    read_url(url.get_secret_value())
    return url


class RegistrySettings(BaseSettings):
    """What one process of the registry needs to know."""

    model_config = SettingsConfigDict(
        env_prefix="GOVAPP_REGISTRY_", env_nested_delimiter="__", frozen=True, extra="forbid", env_ignore_empty=True
    )

    database_url: Annotated[SecretStr, AfterValidator(_database_url)] = Field(
        default=SecretStr("sqlite:///registry.db"),
        description="数据库：sqlite:///文件 或 postgresql://… · the database",
    )
    database_connections: int = Field(
        default=16, ge=2, le=256, description="至多保持的数据库连接数 · database connections kept at most"
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
    max_offers: int = Field(
        default=10_000,
        ge=1,
        le=1_000_000,
        description="一个应用的（关联键 × 服务区域）上限 · ties times regions of one app at most",
    )
    feed_poll_s: float = Field(
        default=0.25,
        gt=0,
        le=60,
        description="有人等候变更时，隔多少秒查一次登记号 · seconds between looks at the registry revision while"
        " somebody waits for a change",
    )
    max_waiting: int = Field(
        default=100, ge=0, le=10_000, description="同时等候变更的请求上限 · requests waiting for a change at most"
    )
    max_streams: int = Field(
        default=4,
        ge=1,
        le=64,
        description="同时读取的快照和导出上限，各占一个连接 · snapshots and exports read at once at most",
    )
    answers_kept_h: int = Field(
        default=72,
        ge=24,
        le=24 * 366,
        description="带 Idempotency-Key 的请求，其答复保存多少小时"
        " · hours for which the answers to requests with an Idempotency-Key are kept",
    )
    max_import_bytes: int = Field(
        default=1 << 30, ge=1, le=LARGEST_FILE, description="导入文件的字节数上限 · bytes of a file that is imported"
    )
    import_processes: int = Field(
        default=1,
        ge=0,
        le=64,
        description="另开几个进程读取导入的大文件（NDJSON、YAML）；0 为由服务进程自己读"
        " · processes beside the service that read large files of documents; 0: the service reads them itself",
    )
    max_all_or_nothing: int = Field(
        default=5_000,
        ge=1,
        le=100_000,
        description="“全部或全不”的导入至多写入几个应用；其间他人不能写入，约每千个半秒"
        " · apps that an import writes all or nothing at most; nobody else can write meanwhile, about half a second"
        " for a thousand",
    )
    imports_kept_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="导入结束后其逐条结果保留的天数；已写入的是历史，永久保留"
        " · days for which what became of each row is kept; what was written is history and stays",
    )
    competent_authorities: dict[GrantKind, frozenset[Line]] = Field(
        default={},
        description="各类批准的有权机关（名称或统一社会信用代码）；未列出的类别不限"
        " · who may grant what, by name or credit code; a kind that is not listed anyone may grant",
    )
    audit_keys: str | None = Field(
        default=None,
        min_length=1,
        description="审查服务公钥（JWKS）的文件路径或 URL；没有它就不能批准任何应用"
        " · path or URL of the audit's public keys (JWKS); without it nothing can be approved",
    )
    audit_issuer: Line = Field(
        default=ISSUER, description="所信收据的签发者（iss）· the issuer of the receipts that are believed"
    )
    receipt_valid_days: int = Field(
        default=0,
        ge=0,
        le=30,
        description="收据在判定之日以后还可以用几天；0 为仅限当天，因为法规、计划和批准都有日期"
        " · days after the day judged on which a receipt still holds; 0: on that day only, as law, plans and grants"
        " have their days",
    )
    jobs: JobsSettings = Field(default=JobsSettings(), description="后台任务 · durable work")
    webhooks: WebhooksSettings = Field(default=WebhooksSettings(), description="订阅的投递 · webhooks")
    web: WebSettings = Field(default=WebSettings(), description="限额与调用方 · limits and callers")

    def database(self) -> Database:
        """Give the database; nothing is opened yet."""
        return Database(
            self.database_url.get_secret_value(),
            connections=self.database_connections,
            statement_timeout_s=self.statement_timeout_s,
            lock_timeout_s=self.lock_timeout_s,
            streams=self.max_streams,
        )
