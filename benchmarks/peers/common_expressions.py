"""CEL: the expression language of Kubernetes admission policies, run in this process, compiled beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cel

from benchmarks.peers import LABELS

if TYPE_CHECKING:
    from datetime import date

ASIDE = Path(__file__).with_name("cel") / "aside.cel"
"""Whether the law leaves the app aside as a whole."""


def expression(label: str) -> str:
    """Give the expression for the verdict of a rule; its variables are `app`, the manifest, and `on`, the day."""
    return Path(__file__).with_name("cel").joinpath(f"{label}.cel").read_text(encoding="utf-8")


class Cel:
    """All rules as one program, so that one call answers them."""

    def __init__(self) -> None:
        """Compile the program."""
        rules = ", ".join(f'"{label}": ({expression(label)})' for label in LABELS)
        aside = ", ".join(f'"{label}": "not_applicable"' for label in LABELS)
        self._program = cel.compile(f"({ASIDE.read_text(encoding='utf-8')}) ? {{{aside}}} : {{{rules}}}")

    def prepare(self, document: dict[str, Any], on: date) -> cel.Context:
        """Turn a manifest and a day into the library's own form."""
        return cel.Context(variables={"app": document, "on": on.isoformat()})

    def judge(self, prepared: cel.Context) -> dict[str, str]:
        """Decide every rule."""
        return cast("dict[str, str]", self._program.execute(prepared))

    def verdicts(self, document: dict[str, Any], on: date) -> dict[str, str]:
        """Give the verdict of each rule by its label."""
        return self.judge(self.prepare(document, on))
