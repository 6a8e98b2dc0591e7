"""A folder of manifests in YAML, one file an app, in a zip archive."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import orjson

from services.manifest.reading import MAX_BYTES, Media
from services.registry.sheets import shape
from services.registry.sheets.documents import Documents
from services.registry.sheets.packing import Packing
from services.registry.sheets.told import Limits, Note, unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from services.registry.sheets.archives import Archive
    from services.registry.sheets.documents import Document
    from services.registry.sheets.rows import Registered
    from services.registry.sheets.shape import Shape

MEDIA: dict[str, Media] = {".yaml": "yaml", ".yml": "yaml", ".json": "json"}

# Words that are text to every reader of YAML, also to those that know yes, no and numbers in bases of 60.
_PLAIN = re.compile(r"[一-鿿][一-鿿A-Za-z0-9（）〔〕、]*|[a-z][a-z_-]*[a-z]")
_NOT_PLAIN = frozenset({"true", "false", "null", "yes", "no", "on", "off"})
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


# ---------------------------------------------------------------- reading


def read(archive: Archive, limits: Limits) -> Documents:
    """Read the manifests of an archive, in the order of their names."""
    names = sorted(name for name in archive.names if _media(name) is not None and not _is_litter(name))
    others = [name for name in archive.names if _media(name) is None and not _is_litter(name)]
    said = Text("不是清单（.yaml、.yml、.json），没有读", "this is no manifest (.yaml, .yml, .json) and was not read")
    if len(names) > limits.rows:
        raise unreadable(
            Text(f"超过 {limits.rows} 份清单", f"more than {limits.rows} manifests"),
            Text("分成几个压缩包", "divide it among several archives"),
        )

    def documents() -> Iterator[Document]:
        for name in names:
            # One byte more than a manifest may have, so that reading it says that it is too large.
            data = b"".join(_up_to(archive.chunks(name), MAX_BYTES + 1))
            yield name, data, _media(name) or "yaml", None

    return Documents(documents, tuple(Note(name, said) for name in others))


def _up_to(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:size]
        size -= len(chunk)
        if size <= 0:
            return


def _media(name: str) -> Media | None:
    return MEDIA.get(PurePosixPath(name.replace("\\", "/")).suffix.casefold())


def _is_litter(name: str) -> bool:
    """Tell whether a file was put there by a file manager."""
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in {".DS_Store", "Thumbs.db", "desktop.ini"}


# ---------------------------------------------------------------- writing


def written(apps: Iterable[Registered]) -> Iterator[bytes]:
    """Write manifests as an archive of YAML files, named by their ids.

    Raises:
        ValueError: a manifest has no id.
    """
    packing = Packing()
    for app in apps:
        document = orjson.loads(app.manifest)
        if document.get("id") is None:
            raise ValueError("a manifest without an id has no name for its file")
        content = as_yaml(document)
        if len(content) > MAX_BYTES:
            # Indentation made it larger than what is read; in canonical JSON it is as small as can be.
            packing.put(f"{document['id']}.json", orjson.dumps(document))
        else:
            packing.put(f"{document['id']}.yaml", content)
        yield from packing.taken()
    yield from packing.finished()


def as_yaml(document: Mapping[str, Any]) -> bytes:
    """Give a manifest as YAML, its fields in the order of the model."""
    constant = [f'{name}: "{value}"' for name, value in shape.constants().items()]
    return "\n".join([*constant, *_fields(document, shape.manifest(), ""), ""]).encode()


def _fields(document: Mapping[str, Any], fields: Sequence[Shape], indent: str) -> Iterator[str]:
    for field in fields:
        value = document.get(field.name)
        if value is None:
            continue
        if isinstance(value, dict):
            inner = list(_fields(value, field.fields, f"{indent}  "))
            yield f"{indent}{field.name}:" if inner else f"{indent}{field.name}: {{}}"
            yield from inner
        elif isinstance(value, list) and field.fields and value:
            yield f"{indent}{field.name}:"
            for entry in value:
                inner = list(_fields(entry, field.fields, f"{indent}    "))
                yield f"{indent}  - {inner[0].lstrip()}" if inner else f"{indent}  - {{}}"
                yield from inner[1:]
        elif isinstance(value, list):
            yield f"{indent}{field.name}: [{', '.join(map(_scalar, value))}]"
        else:
            yield f"{indent}{field.name}: {_scalar(value)}"


def _scalar(value: str | bool) -> str:  # noqa: FBT001 - a value of a field
    if isinstance(value, bool):
        return "true" if value else "false"
    if _PLAIN.fullmatch(value) and value not in _NOT_PLAIN:
        return value
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", orjson.dumps(value).decode())
