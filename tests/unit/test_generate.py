"""Generated files: always the same bytes, and a check that names each one that is out of date."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import generate

MADE = {"a/one.json": b"1\n", "a/two.json": b"2\n", "three.json": b"3\n"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the generator make three small files in a folder of the test."""
    monkeypatch.setattr(
        generate, "GENERATED", {path: lambda content=content: content for path, content in MADE.items()}
    )
    monkeypatch.chdir(tmp_path)


def test_everything_is_written_once(tmp_path: Path) -> None:
    assert generate.write(tmp_path) == list(MADE)
    assert {path: (tmp_path / path).read_bytes() for path in MADE} == MADE
    assert generate.write(tmp_path) == []
    assert generate.stale(tmp_path) == []


def test_what_is_missing_or_differs_is_named(tmp_path: Path) -> None:
    assert generate.stale(tmp_path) == list(MADE)
    generate.write(tmp_path)
    (tmp_path / "a/two.json").write_bytes(b"2")
    (tmp_path / "three.json").unlink()
    assert generate.stale(tmp_path) == ["a/two.json", "three.json"]
    assert not (tmp_path / "three.json").exists()


def test_the_program_tells_what_is_out_of_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate.stale, "__defaults__", (tmp_path,))
    monkeypatch.setattr(generate.write, "__defaults__", (tmp_path,))
    assert generate.main(["--check"]) == 1
    assert [line.rpartition(" ")[2] for line in capsys.readouterr().err.splitlines()] == list(MADE)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    assert generate.main(["--nonsense"]) == 2


@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_bytes_do_not_depend_on_the_process(seed: str) -> None:
    program = "import sys; from tools.generate import manifest_schema; sys.stdout.buffer.write(manifest_schema())"
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=generate.ROOT,
        env={"PYTHONHASHSEED": seed, "GOVAPP_LANG": "en"},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert made.stdout == generate.manifest_schema()
