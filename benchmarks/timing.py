"""Timing in process: contenders take turns, so that whatever disturbs the machine disturbs them all alike."""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_BATCH_S = 0.02
"""A batch lasts about this long: far above the resolution of the clock, far below what the scheduler notices."""

Contender = Callable[[], object] if TYPE_CHECKING else object


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds per call, over many batches."""

    median_us: float
    p99_us: float


def compare(contenders: Mapping[str, Contender], *, seconds: float) -> dict[str, Timing]:
    """Time every contender for about `seconds` each, in batches that take turns; the collector rests within a batch."""
    sizes = {name: _batch_size(call) for name, call in contenders.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(max(20, int(seconds / _BATCH_S))):
        for name, call in contenders.items():
            samples[name].append(_batch(call, sizes[name]))
    return {name: Timing(statistics.median(each), _p99(each)) for name, each in samples.items()}


def _batch_size(call: Contender) -> int:
    """Warm a contender up, and find how many calls fill a batch."""
    size = 1
    while _batch(call, size) * size < _BATCH_S * 1e6:
        size *= 2
    return size


def _batch(call: Contender, size: int) -> float:
    gc.collect()
    gc.disable()
    try:
        began = time.perf_counter_ns()
        for _ in range(size):
            call()
        return (time.perf_counter_ns() - began) / size / 1000
    finally:
        gc.enable()


def _p99(samples: list[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.99)]
