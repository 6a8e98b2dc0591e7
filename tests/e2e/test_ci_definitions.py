"""What others run in continuous integration: valid by the schemas of those who run it, and tried with real files."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
CATALOGUE = ROOT / "examples" / "catalogue"
GOOD, BROKEN, OPEN = (
    CATALOGUE / name for name in ("example-city-citizens.yaml", "example-city-appraisal.yaml", "example-city-duty.yaml")
)


def gitlab() -> str:
    """Give the job of the GitLab template, without its header of inputs."""
    return (ROOT / "templates" / "govapp-check.yml").read_text(encoding="utf-8").split("\n---\n")[1]


def run(script: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as a runner does: in bash, which ends at the first failure."""
    path = f"{BIN}:{os.environ['PATH']}"
    return subprocess.run(
        ["/bin/bash", "-e", "-o", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_definitions_are_valid_for_those_who_run_them(tmp_path: Path) -> None:
    job = tmp_path / ".gitlab-ci.yml"
    job.write_text(re.sub(r"\$\[\[ inputs\.(\w+) \]\]", r"\1", gitlab()), encoding="utf-8")
    checks: list[list[str | Path]] = [
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"],
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", job],
        [BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"],
    ]
    for each in checks:
        done = subprocess.run(each, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def action(folder: Path, files: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the checking step of the GitHub Action with some inputs."""
    definition = YAML(typ="safe").load(ROOT / "action.yml")
    step = next(each for each in definition["runs"]["steps"] if each.get("name") == "Check")
    given = {name: str(each.get("default", "")) for name, each in definition["inputs"].items()}
    given |= {"files": files, **inputs}
    environment = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda match: given[match[1]], value)
        for name, value in step["env"].items()
    }
    assert "${{" not in step["run"]  # what a repository writes must not become part of the script
    return run(step["run"], folder, GITHUB_STEP_SUMMARY=str(folder / "summary.md"), **environment)


@pytest.mark.parametrize(("file", "code"), [(GOOD, 0), (BROKEN, 1), (OPEN, 2)])
def test_the_github_action_fails_as_the_check_does_and_leaves_its_reports(
    file: Path, code: int, tmp_path: Path
) -> None:
    done = action(tmp_path, str(file))
    assert done.returncode == code, done.stderr
    assert json.loads((tmp_path / "govapp.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert "结论" in (tmp_path / "summary.md").read_text(encoding="utf-8")


def test_inputs_of_the_github_action_are_never_run(tmp_path: Path) -> None:
    done = action(tmp_path, f"{GOOD} $(touch${{IFS}}pwned) ; touch pwned", registry="`touch pwned`", lang="en")
    assert done.returncode != 0
    assert not (tmp_path / "pwned").exists()


def test_the_github_action_takes_a_baseline(tmp_path: Path) -> None:
    assert run(f"govapp baseline {BROKEN} --output known.json", tmp_path).returncode == 0
    assert action(tmp_path, str(BROKEN), baseline="known.json").returncode == 0


@pytest.mark.parametrize(("file", "code"), [(GOOD, 0), (BROKEN, 1), (OPEN, 2)])
def test_the_gitlab_job_fails_as_the_check_does_and_reports(file: Path, code: int, tmp_path: Path) -> None:
    job = YAML(typ="safe").load(gitlab())["govapp-check"]
    inputs = {"files": str(file), "options": "--lang en"}
    script = "\n".join(
        re.sub(r"\$\[\[ inputs\.(\w+) \]\]", lambda match: inputs[match[1]], each) for each in job["script"]
    )
    assert run(script, tmp_path).returncode == code
    reports = job["artifacts"]["reports"]
    assert set(job["artifacts"]["paths"]) == set(reports.values())
    assert isinstance(json.loads((tmp_path / reports["codequality"]).read_text(encoding="utf-8")), list)
    assert JUnitXml.fromfile(str(tmp_path / reports["junit"])).tests == 26


@pytest.mark.parametrize(("hook", "codes"), [("govapp-check", (0, 1, 2)), ("govapp-check-violations", (0, 1, 0))])
def test_hooks_of_pre_commit_do_what_they_say(hook: str, codes: tuple[int, ...], tmp_path: Path) -> None:
    hooks = {each["id"]: each for each in YAML(typ="safe").load(ROOT / ".pre-commit-hooks.yaml")}
    for file, code in zip((GOOD, BROKEN, OPEN), codes, strict=True):
        assert run(f"{hooks[hook]['entry']} {file}", tmp_path).returncode == code
    assert re.search(hooks[hook]["files"], "app/manifest.yaml")
    assert not re.search(hooks[hook]["files"], "app/manifests.py")
