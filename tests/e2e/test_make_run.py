"""`make run` does its whole job as it does for a user: real processes, real ports, an empty directory."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from examples import run
from services.audit.law import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(run.__file__).parent
STUCK_AFTER_S = 240
"""What a program may take before it counts as stuck; no assertion depends on it."""


def environment(**settings: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "ONCE" and not name.startswith("GOVAPP_")}
    return inherited | settings


def run_once(directory: Path, examples: Path = EXAMPLES, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a directory until it ends by itself, and give what it printed."""
    return subprocess.run(
        [sys.executable, str(examples / "run.py")],
        cwd=directory,
        env=environment(ONCE="1", **settings),
        capture_output=True,
        text=True,
        timeout=STUCK_AFTER_S,
        check=False,
    )


@contextmanager
def staying_up(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the program as it stays up, its output in `printed` of the directory; it is ended at the end."""
    printed = directory / "printed"
    with printed.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, str(EXAMPLES / "run.py")],
            cwd=directory,
            env=environment(GOVAPP_PORTS="0,0"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(STUCK_AFTER_S)


def wait_for(process: subprocess.Popen[str], printed: Path, words: str) -> str:
    """Wait until the program has printed some words; it fails when it ends without having done so."""
    deadline = time.monotonic() + STUCK_AFTER_S
    while time.monotonic() < deadline:
        text = printed.read_text()
        if words in text:
            return text
        assert process.poll() is None, text
        time.sleep(0.1)
    raise AssertionError(printed.read_text())


def running_in(directory: Path) -> list[int]:
    """Give the processes that work in a directory, as the services do that the program started there."""
    found = []
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if link.readlink() == directory:
                found.append(int(link.parent.name))
        except OSError:
            continue  # It has ended, or belongs to somebody else.
    return found


def is_listening(url: str) -> bool:
    address = httpx.URL(url)
    with socket.socket() as caller:
        return caller.connect_ex((address.host, address.port or 80)) == 0


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    directory = tmp_path_factory.mktemp("run")
    return directory, run_once(directory)


def test_once_prints_a_line_for_every_app_and_ends_well(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, ended = first
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for manifest in run.read_catalogue().manifests:
        assert manifest["id"] in ended.stdout
        assert manifest["name"] in ended.stdout


def test_once_counts_every_outcome(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, ended = first
    counts = {outcome: int(re.findall(rf"{outcome.zh} (\d+)", ended.stdout)[-1]) for outcome in Outcome}
    assert all(counts.values()), counts
    assert sum(counts.values()) == len(run.read_catalogue().manifests)


def test_once_says_that_the_published_cases_are_as_expected(
    first: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    _, ended = first
    assert f"✓ {len(run.read_catalogue().cases)} 个公开案例全部与预期一致" in ended.stdout


def test_a_second_run_finds_what_is_there(first: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    directory, _ = first
    again = run_once(directory)
    assert again.returncode == 0, again.stdout + again.stderr
    catalogue = run.read_catalogue()
    assert f"登记：已有应用 {len(catalogue.manifests)}，已有批准 {len(catalogue.grants)}" in again.stdout


def test_a_case_that_deviates_is_named_and_fails(tmp_path: Path) -> None:
    examples = tmp_path / "examples"
    shutil.copytree(EXAMPLES, examples, ignore=shutil.ignore_patterns("__pycache__", "var"))
    case = examples / "cases" / "party-study-registration.yaml"
    case.write_text(case.read_text().replace('breaks: ["14.1", "14.2"]', 'breaks: ["14.1"]'))
    ended = run_once(tmp_path, examples)
    assert ended.returncode == 1, ended.stderr
    assert "✗ party-study-registration" in ended.stdout


def test_a_taken_port_is_said_and_nothing_is_started(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_once(tmp_path, GOVAPP_PORTS=f"{port},0")
    assert ended.returncode == 1
    assert f"端口 {port} 不可用" in ended.stderr
    assert "GOVAPP_PORTS" in ended.stderr
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("ports", ["8501", "8501,8502,8503", "a,b", "70000,0", "-1,0"])
def test_ports_that_are_none_are_said(tmp_path: Path, ports: str) -> None:
    ended = run_once(tmp_path, GOVAPP_PORTS=ports)
    assert ended.returncode == 1
    assert "端口" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_it_stays_up_with_both_pages_until_it_is_told_to_end(tmp_path: Path, told: signal.Signals) -> None:
    with staying_up(tmp_path) as process:
        text = wait_for(process, tmp_path / "printed", "按 Ctrl-C 结束")
        pages = re.findall(r"http://127\.0\.0\.1:\d+/docs", text)
        assert len(pages) == len(set(pages)) == 2
        for page in pages:
            assert httpx.get(page, trust_env=False).is_success
        process.send_signal(told)
        assert process.wait(STUCK_AFTER_S) == 0
    assert [page for page in pages if is_listening(page)] == []
    assert running_in(tmp_path) == []


def test_told_to_end_while_it_starts_it_leaves_no_service_behind(tmp_path: Path) -> None:
    with staying_up(tmp_path) as process:
        while not (tmp_path / "var" / "audit.log").exists():
            assert process.poll() is None, (tmp_path / "printed").read_text()
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        code = process.wait(STUCK_AFTER_S)
    # It is 0 only where this test was held up for so long that everything was done by then.
    assert code in {128 + signal.SIGTERM, 0}
    assert running_in(tmp_path) == []
