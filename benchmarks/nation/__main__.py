"""Writes the manifests of a nation to standard output: `python -m benchmarks.nation COUNT [FIRST]`."""

from __future__ import annotations

import sys

from benchmarks import nation


def main(count: int, first: int = 0) -> None:
    """Write so many manifests from number `first` on, one on a line."""
    for each in nation.apps(first + count, first):
        sys.stdout.buffer.write(each.manifest + b"\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
