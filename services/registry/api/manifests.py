"""Reading the manifests that a request brings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from services.manifest.json_nodes import compose
from services.manifest.nodes import Lines, plain, pointer_of
from services.manifest.reading import Unreadable, read
from services.text import Text
from services.web import INVALID_BODY, INVALID_VALUE, Fault, Problem

if TYPE_CHECKING:
    from services.manifest.model import Manifest
    from services.web import BodyFormat


def read_manifest(body: bytes, form: BodyFormat, app: str | None, *, is_as_sent: bool = True) -> Manifest:
    """Read the manifest of an app: it says the app's id itself, so that its hash is that of the sponsor's own file.

    Args:
        body: the manifest.
        form: its format.
        app: the id it must have; None when it names the app itself.
        is_as_sent: whether these are the bytes the caller sent, so that lines and columns mean something to them.

    Raises:
        Problem: `invalid-value` (422) with everything that is wrong and where.

    """
    try:
        manifest = read(body, media=form).manifest
    except Unreadable as error:
        faults = [
            Fault(
                each.pointer or "",
                _at(each.line, each.column, each.detail) if is_as_sent else each.detail,
                each.remedy,
            )
            for each in error.problems
        ]
        raise Problem(INVALID_VALUE, errors=faults) from error
    if app is None and manifest.id is None:
        missing = Text("清单没有写明标识。", "The manifest does not say its id.")
        raise Problem(INVALID_VALUE, errors=[Fault("/id", missing, Text("补上 id。", "Add `id`."))])
    if app is not None and manifest.id != app:
        detail = Text("清单的标识与地址中的不同。", "The id of the manifest is not the one in the path.")
        remedy = Text(f"在清单中写 id: {app}。", f"Write id: {app} in the manifest.")
        raise Problem(INVALID_VALUE, errors=[Fault("/id", detail, remedy)])
    return manifest


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON document
    """Read JSON in which manifests, or parts of them, stand: as strictly as a manifest itself.

    Raises:
        Problem: `invalid-body` (400) with everything that is wrong and where, two fields of one name for instance.

    """
    text = body.decode().removeprefix("\ufeff")
    try:
        return _STRICT.decode(text)
    except (ValueError, RecursionError):
        tree, lines = compose(text), Lines(text)
    if not tree.faults:
        return plain(tree.root) if tree.root is not None else None
    faults = [
        Fault(pointer_of(each.path), _at(*lines.position(each.at), each.detail), each.remedy) for each in tree.faults
    ]
    raise Problem(INVALID_BODY, errors=faults)


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("two fields of one name")
    return fields


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_once_each, parse_constant=_no_number)


def _at(line: int, column: int, detail: Text) -> Text:
    if not line:
        return detail
    return Text(f"第 {line} 行第 {column} 列：{detail.zh}", f"line {line}, column {column}: {detail.en}")
