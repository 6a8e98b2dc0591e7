"""`govapp migrate`: a real process brings the schema up, says so, and says what stands in its way."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from services.audit.cli import ExitCode
from services.registry import migrations
from services.registry.store.database import Database
from tests.processes import GOVAPP, free_port

if TYPE_CHECKING:
    from pathlib import Path

TIME_LIMIT_S = 120


def migrate(database_url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [GOVAPP, "migrate", "registry", *options],
        env={**os.environ, "GOVAPP_REGISTRY_DATABASE_URL": database_url},
        cwd=folder,
        capture_output=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )


def test_it_brings_the_schema_to_the_newest(fresh_database_url: str, tmp_path: Path) -> None:
    for lang, said in (("zh", "是最新的"), ("en", "the newest")):
        ended = migrate(fresh_database_url, tmp_path, "--lang", lang)
        assert ended.returncode == 0, ended.stderr
        assert migrations.head() in ended.stderr.decode()
        assert said in ended.stderr.decode()
    database = Database(fresh_database_url)
    assert database.is_at_head()
    database.close()


def test_the_audit_has_a_database_too(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'audit.db'}"
    ended = subprocess.run(
        [GOVAPP, "migrate", "audit"],
        env={**os.environ, "GOVAPP_AUDIT_DATABASE_URL": url},
        capture_output=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "audit.db").exists()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://nobody@127.0.0.1:{port}/none", "数据库不可用"),
        ("mysql://127.0.0.1/registry", "GOVAPP_REGISTRY_DATABASE_URL"),
    ],
    ids=["away", "no such kind"],
)
def test_what_stands_in_the_way_is_told(url: str, said: str, tmp_path: Path) -> None:
    ended = migrate(url.format(port=free_port()), tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert said in ended.stderr.decode()
    assert b"Traceback" not in ended.stderr
