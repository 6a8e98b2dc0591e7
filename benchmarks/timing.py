"""Timing in process: contenders take turns, so that whatever disturbs the machine disturbs them all alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_BATCH_S = 0.01
"""A batch lasts about this long: far above the resolution of the clock, far below what the collector would notice."""

Contender = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds of processor time per call, over many batches."""

    median_us: float
    p99_us: float


def compare(contenders: Mapping[str, Contender], *, batches: int) -> dict[str, Timing]:
    """Time every contender in batches that take turns, after a warm-up; the garbage collector rests within a batch."""
    sizes = {name: _batch_size(call) for name, call in contenders.items()}
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    # What was loaded to get here is nobody's garbage: collecting between batches need not look at it.
    gc.freeze()
    for _ in range(batches):
        for name, call in contenders.items():
            samples[name].append(_batch(call, sizes[name]))
    gc.unfreeze()
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
        # Every contender runs in this thread; the time that other processes take is not theirs.
        began = time.thread_time_ns()
        for _ in range(size):
            call()
        return (time.thread_time_ns() - began) / size / 1000
    finally:
        gc.enable()


def _p99(samples: list[float]) -> float:
    return sorted(samples)[int(len(samples) * 0.99)]
