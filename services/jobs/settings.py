"""Settings of durable work, nested in those of each service: `GOVAPP_REGISTRY_JOBS__…`."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class JobsSettings(BaseModel):
    """Whether, where and how often a process looks for work."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: bool = Field(
        default=True,
        description="本进程是否承担后台任务 · whether this process does durable work; a process that does not can"
        " enqueue none either",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="任务存放处；未设置时，SQLite 用数据文件旁的另一个文件，PostgreSQL 用同一个库中单独的模式"
        " · where it is kept; when not set, a file beside the data or a schema of its own in the same database",
    )
    poll_s: float = Field(
        default=0.25, ge=0.05, le=60, description="隔多少秒找一次任务 · seconds between looks for work"
    )
    takeover_s: float = Field(
        default=5,
        ge=0.1,
        le=3600,
        description="隔多少秒查一次有没有已死进程留下的任务（仅 PostgreSQL）"
        " · seconds between looks for what dead processes left behind (PostgreSQL only)",
    )
    stop_s: float = Field(
        default=10,
        ge=0,
        le=600,
        description="停止服务时等候进行中任务的秒数 · seconds that running work is given to end",
    )
    kept_hours: float = Field(
        default=24, gt=0, le=8760, description="已完成的任务保留几小时 · hours for which finished work is kept"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="WARNING", description="任务引擎的日志级别 · log level of the engine below"
    )
