"""Starting and ending the servers that are measured: on loopback, on free ports, ready before they are asked."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_START_S = 90.0
_END_S = 5.0
_PAUSE_S = 0.05


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(command: Sequence[str], ready: str, environment: Mapping[str, str] | None = None) -> Iterator[int]:
    """Run a server while the block lasts, once the URL `ready` answers 200; give the number of its process.

    Raises:
        RuntimeError: it ended, or was not ready in time; with the last of what it said.

    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env=environment)
        try:
            _await_ready(process, ready, command)
            yield process.pid
        except RuntimeError as error:
            said.seek(0)
            raise RuntimeError(f"{error}\n{said.read().decode(errors='replace')[-2000:]}") from error
        finally:
            process.terminate()
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def python(*arguments: str) -> list[str]:
    """Give the command that runs a module with this interpreter."""
    return [sys.executable, "-m", *arguments]


def peak_mib(process: int) -> float | None:
    """Give how much memory a process has had at most, in MiB; None where the system does not tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) / 1024 if peaks else None


def _await_ready(process: subprocess.Popen[bytes], url: str, command: Sequence[str]) -> None:
    until = time.monotonic() + _START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 - a URL of this machine, written here
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(_PAUSE_S)
    raise RuntimeError(f"{command[0]} was not ready within {_START_S:g} s")
