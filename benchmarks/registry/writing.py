"""One person who registers apps while others work: `python -m benchmarks.registry.writing PORT FIRST`.

Each app is new; the next is sent a moment after the answer to the last. It says when it has begun, and ends when its
standard input does.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

import httpx

from benchmarks import nation
from benchmarks.processes import python

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAUSE_S = 0.03
_PATIENCE_S = 30
_BEGUN = "begun\n"


@dataclass(slots=True)
class Writer:
    """What the writer waited for each answer, in milliseconds; known when the writer has ended."""

    took_ms: list[float] = field(default_factory=list)


@contextmanager
def writing(port: int, first: int) -> Iterator[Writer]:
    """Let a writer register the apps from a number on while the block lasts."""
    told = Writer()
    command = python("benchmarks.registry.writing", str(port), str(first))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            if process.stdout is None or process.stdout.readline() != _BEGUN:
                raise RuntimeError("the writer did not begin")
            yield told
            said, _ = process.communicate(timeout=_PATIENCE_S)
            told.took_ms += json.loads(said)
        finally:
            process.kill()


def main(port: int, first: int) -> None:
    """Register apps until standard input ends, and print how long each took."""
    is_over = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        is_over.set()

    threading.Thread(target=listen, daemon=True).start()
    took_ms: list[float] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=_PATIENCE_S) as client:
        for number in count(first):
            each = nation.app(number)
            headers = {"Content-Type": "application/json", "If-None-Match": "*"}
            began = time.perf_counter()
            answer = client.put(f"/v1/apps/{each.id}", content=each.manifest, headers=headers)
            took_ms.append((time.perf_counter() - began) * 1000)
            if answer.status_code != httpx.codes.CREATED:
                raise SystemExit(f"{answer.status_code}: {answer.text}")
            if number == first:
                print(_BEGUN, end="", flush=True)
            if is_over.wait(_PAUSE_S):
                break
    print(json.dumps(took_ms[1:] or took_ms))  # the first has made the connection


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
