"""Settings of the index, nested in those of the audit: `GOVAPP_AUDIT_INDEX__…`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class IndexSettings(BaseModel):
    """Whether, how and how closely the registry is followed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runs: bool = Field(
        default=False,
        description="本进程是否在内存中保有索引，跟随登记系统的变更"
        " · whether this process keeps an index in memory and follows the registry",
    )
    wait_s: float = Field(
        default=2,
        gt=0,
        le=25,
        description="没有变更时一次等候的秒数；登记系统平静时，索引的滞后以此为限"
        " · seconds that one look at the feed waits; while the registry is calm the lag is never more",
    )
    max_lag_s: float = Field(
        default=5,
        gt=0,
        le=86400,
        description="未指明 freshness 时，滞后不超过多少秒才用索引"
        " · lag in seconds up to which the index answers those who do not say how fresh an answer they want",
    )
    most_behind: int = Field(
        default=20_000,
        ge=1,
        description="落后多少个登记号就重新读取快照"
        " · when the feed is further ahead than this, a snapshot is read anew",
    )
    longest_pause_s: float = Field(
        default=5, gt=0, le=600, description="登记系统没有答复时至多隔多少秒再问 · the longest pause between tries"
    )
    folder: Path | None = Field(
        default=None,
        description="存放清单和事实的目录，默认为临时文件目录"
        " · folder for manifests and facts; where temporary files lie by default",
    )
