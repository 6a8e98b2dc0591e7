"""Sources: the files, or standard input, that the command line reads manifests from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from services.manifest.reading import MAX_BYTES, Problem, Unreadable, read
from services.text import Text

if TYPE_CHECKING:
    from services.manifest.reading import Media, Reading

STDIN = "-"
_MEDIA: dict[str, Media] = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


def read_source(source: str) -> Reading:
    """Read the manifest of a file, or of standard input for `-`.

    Raises:
        Unreadable: it is no manifest, or cannot be opened.
    """
    try:
        if source == STDIN:
            name, data = "<stdin>", sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as opened:
                name, data = source, opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise Unreadable([Problem("", 1, 1, *_reason(error))], source) from error
    media = None if source == STDIN else _MEDIA.get(Path(source).suffix.lower())
    return read(data, media=media or media_of(data), source=name)


def media_of_name(name: str, text: str) -> Media:
    """Tell JSON from YAML by the end of a name, else by how the text begins."""
    return _MEDIA.get(Path(name).suffix.lower()) or media_of(text[:1024].encode("utf-8", "replace"))


def media_of(data: bytes) -> Media:
    """Tell JSON from YAML by how it begins: JSON has a brace, and the first name in double quotation marks."""
    start = data[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    return "json" if start[:1] == b"{" and start[1:].lstrip()[:1] in {b'"', b"}"} else "yaml"


def _reason(error: OSError) -> tuple[Text, Text]:
    """Say why a file could not be read, and what to do."""
    check_name = Text("核对文件名", "check the name of the file")
    match error:
        case FileNotFoundError():
            return Text("没有这个文件", "there is no such file"), check_name
        case IsADirectoryError():
            return Text("这是目录，不是文件", "this is a folder, not a file"), Text(
                "写出其中的文件", "name the files in it"
            )
        case PermissionError():
            return Text("没有读取的权限", "it may not be read"), Text(
                "核对文件的权限", "check the permissions of the file"
            )
        case _:
            return Text(f"无法打开（{error.strerror}）", f"it cannot be opened ({error.strerror})"), check_name
