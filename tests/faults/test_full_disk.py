"""A full disk under SQLite: writers are told to come back, nothing is written by halves, and with room it goes on."""

from __future__ import annotations

import resource
import secrets
import shutil
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.faults.killable import Killable
from tests.integration.registry.clerk import GRANT, manifest, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIZE_MIB = 8


@contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a small file system, where that is allowed."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if mount is None or umount is None:
        pytest.skip("no file system can be mounted here")
    command = [mount, "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield
    finally:
        subprocess.run([umount, "--lazy", str(place)], check=True)


def fill(place: Path) -> Callable[[], None]:
    """Fill a disk to its last byte; gives what makes room again."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (64 * 1024, 1):
            try:
                while file.write(b"\0" * size):
                    pass
            except OSError:
                continue
    return ballast.unlink


def limit(process: int) -> Callable[[], None]:
    """Let a process write nothing behind the first page of any file; gives what lifts that."""
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (4096, hard))

    def lift() -> None:
        resource.prlimit(process, resource.RLIMIT_FSIZE, (hard, hard))

    return lift


def go_through(registry: Killable, run_out: Callable[[], Callable[[], None]], *, can_read: bool) -> None:
    with httpx.Client(base_url=registry.url, trust_env=False, timeout=60) as client:
        app = new_id()
        client.put(f"/v1/apps/{app}", json=manifest(app)).raise_for_status()
        reached = client.get("/v1/changes?since=0").json()["revision"]
        make_room = run_out()
        place, key = f"/v1/apps/{app}/grants", {"Idempotency-Key": secrets.token_hex(8)}
        late = new_id()
        # What is free in the last block of a file is soon used up.
        refused = None
        while refused is None:
            answer = client.post(place, json=GRANT)
            if not answer.is_success:
                refused = answer
        for answer in (
            refused,
            client.post(place, json=GRANT, headers=key),
            client.put(f"/v1/apps/{late}", json=manifest(late)),
        ):
            assert answer.status_code == 503, answer.text
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["Retry-After"]
        if can_read:
            assert client.get(f"/v1/apps/{late}").status_code == 404
        make_room()
        # Nothing is seen of what was not written.
        before = client.get(place, params={"limit": 1000}).json()["items"]
        assert client.get("/v1/changes?since=0").json()["revision"] == reached + len(before)
        assert client.get(f"/v1/apps/{late}").status_code == 404
        assert client.post(place, json=GRANT, headers=key).status_code == 201
        assert client.post(place, json=GRANT, headers=key).headers["Idempotency-Replayed"] == "true"
        client.put(f"/v1/apps/{late}", json=manifest(late)).raise_for_status()
        assert client.get("/v1/changes?since=0").json()["revision"] == reached + len(before) + 2


def serving(place: Path, log: Path) -> Killable:
    database = f"sqlite:///{place / 'registry.db'}"
    return Killable({"GOVAPP_REGISTRY_DATABASE_URL": database, "GOVAPP_REGISTRY_JOBS__RUNS": "false"}, log)


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    place = tmp_path / "disk"
    place.mkdir()
    with small_disk(place), serving(place, tmp_path / "log") as registry:
        go_through(registry, lambda: fill(place), can_read=True)


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    with serving(tmp_path, tmp_path / "log") as registry:
        assert registry.process is not None
        process = registry.process.pid
        # The index of the log cannot be made again either, which a reader who comes alone would need.
        go_through(registry, lambda: limit(process), can_read=False)
