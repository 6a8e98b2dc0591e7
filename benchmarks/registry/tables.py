"""The figures of the registry as tables: the aims beside, and the ratios to the yardsticks of the same run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks.figures import Table, ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.registry.measuring import Latency, Measured

_CASES_AIM, _IMPORT_AIM, _WRITER_AIM_MS, _MEMORY_AIM_MIB = 50_000, 8_000, 100, 512


def imports(done: Sequence[Measured]) -> Table:
    """Tell how fast apps were taken in, and what that left behind."""
    table = Table(
        f"批量登记，两个进程（100 万时的目标：每秒 {_IMPORT_AIM:,} 个，单个登记 p99 ≤ {_WRITER_AIM_MS} ms，进程"
        f" ≤ {_MEMORY_AIM_MIB} MiB）· bulk writing by two processes, with the aims at a million",
        (
            "数据库，应用数 · database, apps",
            "每秒 · apps/s",
            "单个登记：平时 · one, alone p50/p99 ms",
            "批量之中 · one, beside it p50/p99 ms",
            "库 · database MiB",
            "每个应用 · KiB/app",
            "进程峰值：批量、服务 · peak MiB: bulk, service",
        ),
    )
    for each in done:
        if each.loaded is None or each.writer_alone is None or each.writer_beside is None:
            continue
        table.add(
            f"{each.database}，{each.apps:,}",
            f"{each.loaded.per_second:,.0f}",
            _shown(each.writer_alone),
            _shown(each.writer_beside),
            f"{each.size_mib:,.0f}",
            f"{each.size_mib * 1024 / each.apps:.1f}",
            f"{each.loaded.peak_mib:.0f}、{each.service_mib:.0f}",
        )
    return table


def answers(done: Measured) -> Table:
    """Tell how fast each question was answered."""
    table = Table(
        f"{done.database}，{done.apps:,} 个应用：经 HTTP 提问，毫秒，p50 / p99 · asked over HTTP, ms",
        (
            "问题 · question",
            "目标 · aim p99",
            "一个客户 · one client",
            "16 读 + 1 写 · 16 readers, a writer",
            "目标 · aim p99",
            "裸 SQL · bare SQL",
            "比 · ratio p50",
            "Datasette",
            "比 · ratio p50",
        ),
    )
    for name, each in done.answers.items():
        theirs = each.datasette
        table.add(
            name,
            _aim(each.question.aim_ms),
            _shown(each.alone),
            _shown(each.crowd),
            _aim(each.question.crowd_aim_ms),
            _shown(each.bare),
            ratio(each.alone.p50_ms / each.bare.p50_ms),
            "—" if theirs is None else _shown(theirs),
            "—" if theirs is None else ratio(each.alone.p50_ms / theirs.p50_ms),
        )
    if any(each.datasette is not None and math.isinf(each.datasette.p50_ms) for each in done.answers.values()):
        table.remarks.append("✗ Datasette 十几秒内没有答复 · gave no answer within a dozen seconds")
    return table


def snapshots(done: Sequence[Measured]) -> Table:
    """Tell how fast all cases can be read."""
    table = Table(
        f"快照，每秒（目标：{_CASES_AIM:,} 个应用）· snapshots, per second, with the aim for cases",
        (
            "数据库，应用数 · database, apps",
            "应用 · cases",
            "两份同时 · in two parts at once",
            "不经 HTTP · without HTTP",
            "只读清单 · the manifests alone",
            "比 · cases to manifests",
            "供给 · offers",
        ),
    )
    for each in done:
        drained = each.drained
        table.add(
            f"{each.database}，{each.apps:,}",
            *(f"{drained[name].per_second:,.0f}" for name in ("cases", "parts", "store", "manifests")),
            ratio(drained["cases"].per_second / drained["manifests"].per_second),
            f"{drained['offers'].per_second:,.0f}",
        )
    return table


def growth(done: Sequence[Measured]) -> Table:
    """Tell how the median of each answer grows with the number of apps."""
    sizes = sorted({each.apps for each in done})
    table = Table(
        "随应用数的增长：一个客户的 p50，与最小的相比 · how the median of one client grows",
        ("数据库，问题 · database, question", *(f"{size:,}" for size in sizes)),
    )
    by_name = {(each.database, each.apps): each for each in done}
    for database in dict.fromkeys(each.database for each in done):
        first = by_name[database, sizes[0]]
        for name, least in first.answers.items():
            medians = [by_name[database, size].answers[name].alone.p50_ms for size in sizes]
            table.add(f"{database}，{name}", *(ratio(median / least.alone.p50_ms) for median in medians))
    return table


def _shown(latency: Latency) -> str:
    return "✗" if math.isinf(latency.p50_ms) else f"{latency.p50_ms:.1f} / {latency.p99_ms:.1f}"


def _aim(aim_ms: float | None) -> str:
    return "—" if aim_ms is None else f"≤ {aim_ms:.0f}"
