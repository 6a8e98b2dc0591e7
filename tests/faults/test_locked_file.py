"""Another process holds the SQLite file: writers are told to come back in time, readers notice nothing."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from starlette.testclient import TestClient

from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from tests.integration.registry.clerk import GRANT, Clerk, problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held(file: Path) -> Iterator[None]:
    """Let another process hold the lock of writers, and end without giving it back."""
    command = [sys.executable, "-c", _HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield
        finally:
            process.kill()


def test_writers_are_told_to_come_back(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    given = {"database_url": f"sqlite:///{file}", "lock_timeout_s": 0.1, "jobs": {"runs": False}}
    with TestClient(create_service(RegistrySettings.model_validate(given))) as http:
        clerk = Clerk(http)
        app = clerk.register()
        place, key = f"/v1/apps/{app}/grants", {"Idempotency-Key": "示例".encode().hex()}
        with held(file):
            answer = http.post(place, json=GRANT, headers=key)
            assert problem(answer, 503)["type"] == "urn:govapp:problem:database-unavailable"
            assert answer.headers["Retry-After"] == "1"
            assert clerk.get(place)["total"] == 0
            assert http.get("/readyz").is_success
        assert http.post(place, json=GRANT, headers=key).status_code == 201
        assert clerk.get(place)["total"] == 1
