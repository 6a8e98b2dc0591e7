"""The registry and the audit as two processes on loopback: ports, start, readiness, end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
DEFAULT_PORTS = (8401, 8402)
READY_WITHIN_S = 60
END_WITHIN_S = 10


class FailedError(Exception):
    """Something that is needed did not work; says what, for a person."""


class Ending:
    """A signal handler that only remembers that the program is to end.

    Raising from the handler could strike between the start of a process and the note of it, and leave the process
    behind; so the program asks at places where it may end.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._signal: int | None = None

    def __call__(self, number: int, _: object) -> None:
        """Remember the signal."""
        self._signal = number

    @property
    def is_asked(self) -> bool:
        """Whether a signal asked the program to end."""
        return self._signal is not None

    def check(self) -> None:
        """End here if asked to, with the exit code that shells give to an interrupted program.

        Raises:
            SystemExit: it was asked.

        """
        if self._signal is not None:
            raise SystemExit(128 + self._signal)


class Service:
    """One service running as a process of its own, its log in a file."""

    def __init__(self, name: str, port: int, directory: Path, environment: dict[str, str]) -> None:
        """Start `govapp serve <name>` on a port of loopback."""
        self.name = name
        self.url = f"http://{HOST}:{port}"
        self.log = directory / f"{name}.log"
        command = [_govapp(), "serve", name, "--host", HOST, "--port", str(port)]
        # Out of reach of a Ctrl-C in the terminal: that ends this program, which then ends the service in good order.
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )

    def check(self) -> None:
        """Make sure that the process runs.

        Raises:
            FailedError: it has ended; tells the end of its log.

        """
        code = self._process.poll()
        if code is not None:
            raise FailedError(
                f"{self.name} 服务已退出（返回码 {code}）。日志 {self.log} 的末尾：\n{self._last_lines()}"
            )

    def wait_until_ready(self, ending: Ending) -> None:
        """Wait until the service says that it is ready.

        Raises:
            FailedError: it has ended, or is not ready in time.

        """
        deadline = time.monotonic() + READY_WITHIN_S
        with httpx.Client(base_url=self.url, timeout=2, trust_env=False) as client:
            while time.monotonic() < deadline:
                ending.check()
                self.check()
                try:
                    if client.get("/readyz").is_success:
                        return
                except httpx.TransportError:
                    pass  # It does not listen yet.
                time.sleep(0.1)
        raise FailedError(
            f"{self.name} 服务未在 {READY_WITHIN_S} 秒内就绪。日志 {self.log} 的末尾：\n{self._last_lines()}"
        )

    def end(self) -> None:
        """End the process, first politely, and wait for it, so that none is left behind."""
        self._process.terminate()
        try:
            self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _last_lines(self, count: int = 15) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


@contextmanager
def services(directory: Path, ports: tuple[int, int], ending: Ending) -> Iterator[tuple[Service, Service]]:
    """Run the registry and the audit; both are ready when the block begins, and ended when it is left."""
    directory.mkdir(parents=True, exist_ok=True)
    environment = _environment(directory, *ports)
    _make_keys(Path(environment["GOVAPP_AUDIT_SIGNING_KEYS"]))
    with ExitStack() as running:
        started = []
        for name, port in zip(("registry", "audit"), ports, strict=True):
            started.append(Service(name, port, directory, environment))
            running.callback(started[-1].end)
        for service in started:
            service.wait_until_ready(ending)
        yield started[0], started[1]


def choose_ports(told: str, *, any_free: bool) -> tuple[int, int]:
    """Choose the ports of registry and audit: those `told` as `8501,8502`, else the usual ones, or any free ones.

    Raises:
        FailedError: a port is taken, or what was told is no pair of ports.

    """
    if told:
        parts = [part.strip() for part in told.split(",")]
        if len(parts) != len(DEFAULT_PORTS) or not all(part.isdecimal() for part in parts):
            raise FailedError(f"GOVAPP_PORTS 应为两个端口，例如 8501,8502；现为 {told}")
        wanted = [int(part) for part in parts]
    else:
        wanted = [0, 0] if any_free else list(DEFAULT_PORTS)
    # Both are held while they are chosen, so that two free ports are not the same one.
    with ExitStack() as held:
        registry, audit = (held.enter_context(_bound(port)).getsockname()[1] for port in wanted)
    return registry, audit


def _bound(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # The port of a service that has just ended is free: the services see it so as well.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise FailedError(f"端口 {port} 不可用：{error}。可用 GOVAPP_PORTS=8501,8502 另选") from error
    return listener


def _make_keys(file: Path) -> None:
    """Make the keys that the audit signs receipts with, unless an earlier run has."""
    if not file.exists():
        subprocess.run([_govapp(), "keys", "new", str(file)], check=True, stderr=subprocess.DEVNULL)


def _environment(directory: Path, registry_port: int, audit_port: int) -> dict[str, str]:
    """Give the services this machine's environment, with the settings of this run in place of any others."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GOVAPP_")}
    return {
        **inherited,
        "GOVAPP_REGISTRY_DATABASE_URL": f"sqlite:///{directory / 'registry.db'}",
        "GOVAPP_REGISTRY_AUDIT_KEYS": f"http://{HOST}:{audit_port}/.well-known/jwks.json",
        "GOVAPP_AUDIT_REGISTRY_URL": f"http://{HOST}:{registry_port}",
        "GOVAPP_AUDIT_DATABASE_URL": f"sqlite:///{directory / 'audit.db'}",
        "GOVAPP_AUDIT_SIGNING_KEYS": str(directory / "audit-keys.json"),
    }


def _govapp() -> str:
    command = Path(sys.executable).with_name("govapp")
    if not command.exists():
        raise FailedError(f"没有 {command}；请先运行 make setup")
    return str(command)
