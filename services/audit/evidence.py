"""Evidence: which files may be attached, known by their content and never by their name. Nothing of them is run."""

from __future__ import annotations

import re
import zipfile
from typing import TYPE_CHECKING, BinaryIO, Final

from services.manifest.terms import Term

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

LARGEST: Final = 64 * 1024 * 1024
"""Bytes of the largest file that any installation takes."""

MAX_MEMBERS: Final = 5000
"""How many files a container may hold."""

_HEAD = 16


class FileType(Term):
    """What a file is."""

    PDF = "application/pdf", "PDF", "PDF"
    PNG = "image/png", "PNG 图片", "PNG image"
    JPEG = "image/jpeg", "JPEG 图片", "JPEG image"
    OFD = "application/ofd", "OFD 版式文件", "OFD document"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "DOCX 文档", "DOCX document"
    XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "XLSX 表格", "XLSX workbook"


SUFFIXES: Final[dict[str, str]] = {
    FileType.PDF: ".pdf",
    FileType.PNG: ".png",
    FileType.JPEG: ".jpg",
    FileType.OFD: ".ofd",
    FileType.DOCX: ".docx",
    FileType.XLSX: ".xlsx",
}

_SIGNATURES = ((b"%PDF-", FileType.PDF), (b"\x89PNG\r\n\x1a\n", FileType.PNG), (b"\xff\xd8\xff", FileType.JPEG))
_ACTIVE = re.compile(r"vbaproject|vbadata|/activex/|/embeddings/|\.(exe|dll|js|vbs|bat|cmd|ps1|jar)$")
_ZIP = b"PK\x03\x04"
_MEMBERS = (("OFD.xml", FileType.OFD), ("word/document.xml", FileType.DOCX), ("xl/workbook.xml", FileType.XLSX))


def type_of(file: BinaryIO) -> FileType | None:
    """Tell what a file is by its content; None when it is nothing that may be attached, such as one with macros."""
    file.seek(0)
    head = file.read(_HEAD)
    for signature, found in _SIGNATURES:
        if head.startswith(signature):
            return found
    return _contained(file) if head.startswith(_ZIP) else None


def _contained(file: BinaryIO) -> FileType | None:
    try:
        with zipfile.ZipFile(file) as container:
            members = {each.filename for each in container.infolist()}
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return None
    return None if len(members) > MAX_MEMBERS or _is_active(members) else _by_member(members)


def _is_active(members: AbstractSet[str]) -> bool:
    """Tell whether a container holds something that an office program would run."""
    return any(_ACTIVE.search(each.lower()) for each in members)


def _by_member(members: AbstractSet[str]) -> FileType | None:
    return next((found for member, found in _MEMBERS if member in members), None)
