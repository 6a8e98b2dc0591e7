"""Measures: `python -m benchmarks [PART…]`, all parts when none is named."""

from __future__ import annotations

import sys
import time

from rich.console import Console

from benchmarks import approvals, checks, engine

PARTS = {"engine": engine.measure, "checks": checks.measure, "approvals": approvals.measure}


def main(names: list[str]) -> int:
    """Measure the parts named and print their tables."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(
            f"没有 {'、'.join(unknown)}；可选：{'、'.join(PARTS)} · no such part; there are {', '.join(PARTS)}",
            file=sys.stderr,
        )
        return 2
    console = Console(width=None if sys.stdout.isatty() else 140)
    began = time.perf_counter()
    for name in names or PARTS:
        for table in PARTS[name]():
            table.show(console)
    console.print(f"用时 took {time.perf_counter() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
