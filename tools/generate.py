"""Write the files that are generated and committed, or with `--check` name those that are out of date.

`python -m tools.generate` writes the JSON Schema of the manifest and the OpenAPI documents of both services into
`openapi/`. The same code gives the same bytes, whatever the environment says.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent


def manifest_schema() -> bytes:
    """Give the JSON Schema of the manifest."""
    from services.manifest.schema import render  # noqa: PLC0415 - each document loads only what it describes

    return render()


def registry_document() -> bytes:
    """Give the OpenAPI document of the registry."""
    from services.registry.main import create_service  # noqa: PLC0415 - as above

    return _json(create_service().openapi())


def audit_document() -> bytes:
    """Give the OpenAPI document of the audit service."""
    from services.audit.main import create_service  # noqa: PLC0415 - as above

    return _json(create_service().openapi())


GENERATED: dict[str, Callable[[], bytes]] = {
    "openapi/manifest.schema.json": manifest_schema,
    "openapi/registry.json": registry_document,
    "openapi/audit.json": audit_document,
}
"""Every generated file, by its path from the root, and what makes it."""


def stale(root: Path = ROOT) -> list[str]:
    """Give the generated files that are missing or differ from what would be written now."""
    return [path for path, make in GENERATED.items() if not _is_current(root / path, make())]


def write(root: Path = ROOT) -> list[str]:
    """Write the generated files; give those that changed."""
    changed = []
    for path, make in GENERATED.items():
        file, content = root / path, make()
        if not _is_current(file, content):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            changed.append(path)
    return changed


def main(arguments: list[str]) -> int:
    """Write, or with `--check` compare; give the exit code."""
    # Settings of somebody's shell must not find their way into a committed document.
    for name in [name for name in os.environ if name.startswith("GOVAPP_")]:
        del os.environ[name]
    if arguments not in ([], ["--check"]):
        print("usage: python -m tools.generate [--check]", file=sys.stderr)
        return 2
    if not arguments:
        for path in write():
            print(f"已更新 · written: {path}")
        return 0
    found = stale()
    for path in found:
        print(f"已过期，请运行 make generate · out of date, run make generate: {path}", file=sys.stderr)
    return 1 if found else 0


def _json(document: object) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def _is_current(file: Path, content: bytes) -> bool:
    return file.is_file() and file.read_bytes() == content


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
