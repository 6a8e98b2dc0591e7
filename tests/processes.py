"""Services as real processes on loopback, for tests that go over real HTTP."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GOVAPP = str(Path(sys.executable).with_name("govapp"))
"""The command as it is installed."""

DEADLINE_S = 60
"""Seconds a service may take until it is ready; far more than it needs, so that only a broken one runs into it."""


def free_port() -> int:
    """Give a port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(name: str, environment: Mapping[str, str], log: Path) -> Iterator[str]:
    """Run `govapp serve NAME` until the block ends; gives its address once it is ready."""
    with running(name, environment, log) as (url, _):
        yield url


@contextmanager
def running(name: str, environment: Mapping[str, str], log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a service as `serving` does; gives its process too, to be looked at or killed."""
    port = free_port()
    command = [GOVAPP, "serve", name, "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=output)
        try:
            yield _ready(process, f"http://127.0.0.1:{port}", log), process
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(process: subprocess.Popen[bytes], url: str, log: Path) -> str:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{url}/readyz", trust_env=False).status_code == httpx.codes.OK:
                return url
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))
