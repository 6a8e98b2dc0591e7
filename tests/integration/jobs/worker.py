"""A process that does durable work until its standard input ends: see test_jobs.py.

Its arguments are the URL of the data and a directory for notes. It says `ready`, and enqueues a job of the task `wait`
for every line it reads. `wait` notes that it began, waits for a file `go`, and notes that it ended.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from services.jobs import Job, Jobs, JobsSettings, Task

NOTES = Path(sys.argv[2])


def note(line: str) -> None:
    """Append a line in one piece, whoever else does the same."""
    with (NOTES / "notes").open("ab", buffering=0) as notes:
        notes.write(f"{line} {os.getpid()}\n".encode())


def wait(job: Job, name: str) -> None:
    """Wait until the test says go."""
    note(f"begin {name}")
    while not (NOTES / "go").exists():
        job.go_on()
        time.sleep(0.01)
    note(f"end {name}")


async def main() -> None:
    """Work until there is nothing more to read."""
    settings = JobsSettings(poll_s=0.05, takeover_s=0.2, stop_s=5)
    async with Jobs("sample", settings, sys.argv[1], [Task("wait", wait, at_once=4)], migrates=True) as jobs:
        while not jobs.is_running:  # noqa: ASYNC110 - its place may still be another's
            await asyncio.sleep(0.02)
        note("ready -")
        while line := (await asyncio.to_thread(sys.stdin.readline)).strip():
            await jobs.enqueue("wait", line, line)
            note(f"kept {line}")


if __name__ == "__main__":
    asyncio.run(main())
