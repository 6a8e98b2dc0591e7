"""rego-cpp: the policy language of Open Policy Agent, run in this process, its policy compiled beforehand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from regopy import Input, Interpreter

if TYPE_CHECKING:
    from datetime import date

_ENTRYPOINT = "manifest_only/verdicts"


class RegoCpp:
    """The policy as a bundle, and the interpreter that runs it."""

    def __init__(self) -> None:
        """Compile the policy."""
        builder = Interpreter()
        builder.add_module(
            "manifest_only.rego", Path(__file__).with_name("manifest_only.rego").read_text(encoding="utf-8")
        )
        self._bundle = builder.build(None, [_ENTRYPOINT])
        self._interpreter = Interpreter()

    def prepare(self, document: dict[str, Any], on: date) -> Input:
        """Turn a manifest and a day into the interpreter's own form."""
        return Input({"app": document, "on": on.isoformat()})

    def judge(self, prepared: Input) -> Any:  # noqa: ANN401 - the library has no types
        """Decide every rule; the answer stays in the interpreter's form."""
        self._interpreter.set_input(prepared)
        return self._interpreter.query_bundle_entrypoint(self._bundle, _ENTRYPOINT)

    def verdicts(self, document: dict[str, Any], on: date) -> dict[str, str]:
        """Give the verdict of each rule by its label."""
        answer = json.loads(str(self.judge(self.prepare(document, on))))
        return cast("dict[str, str]", answer["expressions"][0])
