"""Measures: `python -m benchmarks [PART…]`, all when none is named; numbers are sizes of nations."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console

from benchmarks import approvals, checks, decisions, engine, following_sweeps, killed_sweeps, local_search, sweeps
from benchmarks.registry import nations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from benchmarks.figures import Table


def main(arguments: list[str]) -> int:
    """Measure the parts named and print their tables."""
    sizes = [int(each) for each in arguments if each.isdecimal()]
    names = [each for each in arguments if not each.isdecimal()]
    parts: Mapping[str, Callable[[], Iterable[Table]]] = {
        "engine": engine.measure,
        "checks": checks.measure,
        "approvals": approvals.measure,
        "decisions": decisions.measure,
        "registry": lambda: nations.measure(sizes),
        "sweeps": lambda: sweeps.measure(sizes),
        "search": lambda: local_search.measure(sizes),
        "killed": lambda: killed_sweeps.measure(sizes),
        "following": lambda: following_sweeps.measure(sizes),
    }
    unknown = [name for name in names if name not in parts]
    if unknown:
        print(
            f"没有 {'、'.join(unknown)}；可选：{'、'.join(parts)} · no such part; there are {', '.join(parts)}",
            file=sys.stderr,
        )
        return 2
    console = Console(width=None if sys.stdout.isatty() else 140)
    began = time.perf_counter()
    for name in names or parts:
        for table in parts[name]():
            table.show(console)
    console.print(f"用时 took {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
