"""Cerbos: a policy decision point asked over HTTP, from the npm package `cerbos`, given the CEL policy as its own."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.peers import LABELS
from benchmarks.peers.common_expressions import ASIDE, expression

if TYPE_CHECKING:
    from datetime import date

VERSION = "0.51.0"
PATH = "/api/check/resources"
_INSTALL_S = 120
_MACHINES = {"x86_64": "x64", "amd64": "x64", "arm64": "arm64", "aarch64": "arm64"}


class Unavailable(Exception):
    """Cerbos cannot be had on this machine; says why."""


def binary() -> Path:
    """Give the program, installed into the user's cache when it is not there yet.

    Raises:
        Unavailable: there is no npm, or the package cannot be installed here.

    """
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("这台机器没有 npm · this machine has no npm")
    folder = (
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "govapp-benchmarks" / f"cerbos-{VERSION}"
    )
    name = f"cerbos-{platform.system().lower()}-{_MACHINES.get(platform.machine().lower(), platform.machine())}"
    program = folder / "node_modules" / "@cerbos" / name / name
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder), f"cerbos@{VERSION}"]
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=_INSTALL_S)
        except subprocess.TimeoutExpired:
            raise Unavailable(f"npm install 超过 {_INSTALL_S} 秒 · npm install took more than {_INSTALL_S} s") from None
        if done.returncode or not program.exists():
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise Unavailable(f"npm install cerbos@{VERSION}: {said[-1] if said else name}")
    return program


def write_configuration(folder: Path, port: int, grpc_port: int) -> Path:
    """Write policy and configuration into a folder; give the configuration."""
    policies = folder / "policies"
    policies.mkdir()
    (policies / "manifest.json").write_text(json.dumps(_policy(), ensure_ascii=False), encoding="utf-8")
    configuration = {
        "server": {"httpListenAddr": f"127.0.0.1:{port}", "grpcListenAddr": f"127.0.0.1:{grpc_port}"},
        "storage": {"driver": "disk", "disk": {"directory": str(policies), "watchForChanges": False}},
        "telemetry": {"disabled": True},
        "audit": {"enabled": False},
    }
    # JSON is YAML.
    path = folder / "cerbos.yaml"
    path.write_text(json.dumps(configuration), encoding="utf-8")
    return path


def question(document: dict[str, Any], on: date) -> bytes:
    """Ask which rules an app does not break on a day: one action for each rule."""
    resource = {"kind": "manifest", "id": "app", "attr": {"app": document, "on": on.isoformat()}}
    asked = {
        "principal": {"id": "benchmark", "roles": ["auditor"]},
        "resources": [{"resource": resource, "actions": list(LABELS)}],
    }
    return json.dumps(asked, ensure_ascii=False).encode()


def violated(answer: bytes) -> set[str]:
    """Read which rules are violated."""
    [result] = json.loads(answer)["results"]
    return {label for label, effect in result["actions"].items() if effect == "EFFECT_DENY"}


def _policy() -> dict[str, Any]:
    """Make the policy: every action is allowed, but those whose rule is violated."""
    aside = _in_cerbos(ASIDE.read_text(encoding="utf-8"))
    rules = [
        {
            "actions": [label],
            "effect": "EFFECT_DENY",
            "roles": ["*"],
            "condition": {"match": {"expr": f'!({aside}) && ({_in_cerbos(expression(label))}) == "violation"'}},
        }
        for label in LABELS
    ]
    allowed = {"actions": ["*"], "effect": "EFFECT_ALLOW", "roles": ["*"]}
    return {
        "apiVersion": "api.cerbos.dev/v1",
        "resourcePolicy": {"version": "default", "resource": "manifest", "rules": [*rules, allowed]},
    }


def _in_cerbos(text: str) -> str:
    """Say where Cerbos keeps what an expression calls `app` and `on`."""
    return re.sub(r"\b(app\.|on\b)", r"R.attr.\1", text)
