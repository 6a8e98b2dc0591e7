"""The registry as a process: it starts, migrates, tells whether it is ready, answers, and ends."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from starlette.testclient import TestClient

from services.registry.main import create_service, migrate
from services.registry.settings import RegistrySettings
from services.registry.store.database import Act
from tests.integration.registry.clerk import Clerk, manifest, new_id, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

on_postgresql = pytest.mark.parametrize("fresh_database_url", ["postgresql"], indirect=True)
STUCK_AFTER_S = 60


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def serving(database_url: str, log: Path) -> Iterator[httpx.Client]:
    """Run the registry on loopback until the block is left."""
    port = free_port()
    code = f"from services.registry.main import serve; serve(port={port})"
    environment = {**os.environ, "GOVAPP_REGISTRY_DATABASE_URL": database_url}
    with log.open("a") as output:
        process = subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=output)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=STUCK_AFTER_S) as client:
            wait_until_ready(client, process)
            yield client
        process.terminate()
        assert process.wait(STUCK_AFTER_S) in {0, -15}
    finally:
        process.kill()
        process.wait()


def wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + STUCK_AFTER_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if client.get("/readyz").is_success:
                return
        except httpx.TransportError:
            pass  # It does not listen yet.
        time.sleep(0.05)
    raise TimeoutError("the service did not become ready")


def test_a_process_answers_and_another_one_goes_on_where_it_ended(fresh_database_url: str, tmp_path: Path) -> None:
    migrate(RegistrySettings.model_validate({"database_url": fresh_database_url}))
    app, log = new_id(), tmp_path / "log"
    with serving(fresh_database_url, log) as client:
        answer = client.put(f"/v1/apps/{app}", json=manifest(app), headers={"If-None-Match": "*"})
        assert answer.status_code == 201
        # An id with a slash is another path, and there is nothing.
        assert client.get("/v1/apps/a%2Fb").status_code == 404
        assert client.put("/v1/apps/a%2Fb", json=manifest("a")).status_code == 404
    with serving(fresh_database_url, log) as client:
        read = client.get(f"/v1/apps/{app}")
        assert read.json()["revision"] == answer.json()["revision"]
        assert client.post("/v1/neighbourhoods", json={"questions": []}).json() == {
            "revision": answer.json()["revision"],
            "ties": [],
            "grants": [],
        }
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert "request.failed" not in events


class TestReadiness:
    def test_sqlite_is_migrated_at_the_start(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'registry.db'}"
        with TestClient(create_service(RegistrySettings.model_validate({"database_url": url}))) as http:
            assert http.get("/readyz").json() == {"status": "ready", "checks": ["database", "jobs"]}

    def test_a_database_that_is_not_migrated_is_not_ready(self, fresh_database_url: str) -> None:
        settings = {"database_url": fresh_database_url, "migrates_on_start": False}
        with TestClient(create_service(RegistrySettings.model_validate(settings))) as http:
            problem(http.get("/readyz"), 503)
            for answer in (
                http.get("/v1/apps/x"),
                http.get("/v1/apps"),
                http.put("/v1/apps/x", json=manifest("x")),
                http.post("/v1/neighbourhoods", json={"questions": []}),
            ):
                told = problem(answer, 503)
                assert told["type"] == "urn:govapp:problem:database-unavailable"
                assert answer.headers["Retry-After"] == "1"
            assert http.get("/healthz").status_code == 200

    @on_postgresql
    def test_postgresql_is_migrated_at_the_start_only_when_told_so(self, fresh_database_url: str) -> None:
        for told, status in ((None, 503), (True, 200)):
            settings = {"database_url": fresh_database_url, "migrates_on_start": told}
            with TestClient(create_service(RegistrySettings.model_validate(settings))) as http:
                assert http.get("/readyz").status_code == status

    def test_a_database_that_cannot_be_reached_is_not_ready(self) -> None:
        url = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
        with TestClient(create_service(RegistrySettings.model_validate({"database_url": url}))) as http:
            problem(http.get("/readyz"), 503)
            problem(http.get("/v1/apps"), 503)
            assert http.get("/healthz").status_code == 200


@on_postgresql
def test_it_comes_back_by_itself_when_the_server_has_closed_all_connections(
    fresh_database_url: str,
) -> None:
    settings = {"database_url": fresh_database_url, "migrates_on_start": True}
    with TestClient(create_service(RegistrySettings.model_validate(settings))) as http:
        clerk = Clerk(http)
        app = clerk.register()
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'govapp registry'"
        with psycopg.connect(fresh_database_url, autocommit=True) as connection:
            assert connection.execute(f"{others} AND datname = current_database()").fetchall()
        assert clerk.get(f"/v1/apps/{app}")["id"] == app
        clerk.change(app, name="新名")


@on_postgresql
def test_whoever_waits_too_long_for_another_writer_is_told_to_come_back(fresh_database_url: str) -> None:
    settings = RegistrySettings.model_validate(
        {"database_url": fresh_database_url, "migrates_on_start": True, "lock_timeout_s": 0.1}
    )
    other = settings.database()
    with TestClient(create_service(settings)) as http:
        clerk = Clerk(http)
        app = clerk.register()
        with other.writing(Act("test", "test")):
            waiting: Any = http.put(f"/v1/apps/{(late := new_id())}", json=manifest(late))
            problem(waiting, 503)
            assert clerk.get(f"/v1/apps/{app}")["id"] == app
        clerk.register(id=late)
    other.close()
