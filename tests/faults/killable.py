"""A service as a real process that a test kills, stops and starts again at the same address."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Self

import httpx

from tests.processes import DEADLINE_S, GOVAPP, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType


class Killable:
    """`govapp serve SERVICE`, as often as it is started, always at one address."""

    def __init__(self, environment: Mapping[str, str], log: Path, service: str = "registry") -> None:
        self._service = service
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, **environment}
        self._log = log
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, and return when it is ready."""
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [GOVAPP, "serve", self._service, "--port", str(self.port)],
                env=self._environment,
                stdout=output,
                stderr=output,
            )
        self.await_readiness()

    def kill(self) -> None:
        """Kill it as a power cut would: nothing of it gets to finish anything."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def is_ready(self) -> bool:
        """Tell whether it answers that it can serve."""
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False, timeout=DEADLINE_S).is_success
        except httpx.TransportError:
            return False

    def await_readiness(self) -> None:
        """Return when it is ready, however long that takes within reason."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.is_ready():
            if time.monotonic() > deadline or self.process is None or self.process.poll() is not None:
                raise AssertionError(self._log.read_text(encoding="utf-8")[-4000:])
            time.sleep(0.05)
