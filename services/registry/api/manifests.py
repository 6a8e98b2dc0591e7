"""Reading the manifest that a request brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest.reading import Unreadable, read
from services.text import Text
from services.web import INVALID_VALUE, Fault, Problem

if TYPE_CHECKING:
    from services.manifest.model import Manifest
    from services.web import BodyFormat


def read_manifest(body: bytes, form: BodyFormat, app: str) -> Manifest:
    """Read the manifest of an app: it says the app's id itself, so that its hash is that of the sponsor's own file.

    Raises:
        Problem: `invalid-value` (422) with everything that is wrong and where.

    """
    try:
        manifest = read(body, media=form).manifest
    except Unreadable as error:
        faults = [
            Fault(each.pointer or "", _at(each.line, each.column, each.detail), each.remedy) for each in error.problems
        ]
        raise Problem(INVALID_VALUE, errors=faults) from error
    if manifest.id != app:
        detail = Text("清单的标识与地址中的不同。", "The id of the manifest is not the one in the path.")
        remedy = Text(f"在清单中写 id: {app}。", f"Write id: {app} in the manifest.")
        raise Problem(INVALID_VALUE, errors=[Fault("/id", detail, remedy)])
    return manifest


def _at(line: int, column: int, detail: Text) -> Text:
    if not line:
        return detail
    return Text(f"第 {line} 行第 {column} 列：{detail.zh}", f"line {line}, column {column}: {detail.en}")
