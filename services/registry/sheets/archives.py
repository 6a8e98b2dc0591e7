"""Archives from strangers: opened only when their index says that unpacking stays within bounds, and read as streams.

Nothing is ever unpacked to disk, so names that climb out of a folder lead nowhere. What an index declares binds: more
than the declared size is not read, and a checksum that does not fit is an error.
"""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from services.manifest.quoting import shown
from services.registry.sheets.told import Limits, UnreadableFile, unreadable
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK = 1 << 16
"""Bytes read at a time."""

_SMALL = 32 << 20  # below it no ratio matters: unpacking takes no time
_ENCRYPTED = 0x1
_UTF8 = 0x800
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)
"""What the library raises for damaged archives; RuntimeError for passwords, ValueError for impossible offsets."""


class Archive:
    """A zip file whose members may be read.

    Args:
        names: of the members that are files, by how they are shown.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        """Open an archive.

        Raises:
            UnreadableFile: it is damaged or encrypted, or unpacking it would go beyond the limits.
        """
        try:
            self._zip = zipfile.ZipFile(file)
            members = [each for each in self._zip.infolist() if not each.is_dir()]
        except _DAMAGE as error:
            raise _damaged() from error
        _check(members, limits)
        self.names: dict[str, zipfile.ZipInfo] = {}
        for member in members:
            name = _name(member)
            if name in self.names:
                raise unreadable(
                    Text(f"压缩包中有两个 {shown(name)}", f"there are two {shown(name)} in the archive"),
                    Text("重新打包", "pack it anew"),
                )
            self.names[name] = member

    def chunks(self, name: str, at_most: int | None = None) -> Iterator[bytes]:
        """Give the content of a member piece by piece; None as `at_most` bytes: however many it has.

        Raises:
            UnreadableFile: it is damaged, or larger.
        """
        if at_most is not None and (size := self.names[name].file_size) > at_most:
            raise unreadable(
                Text(f"有 {size} 字节，超过 {at_most} 字节", f"{size} bytes; at most {at_most} are read"),
                Text("减小文件", "make it smaller"),
                name,
            )
        with self.opened(name) as member:
            while True:
                with telling_damage(name):
                    chunk = member.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    @contextmanager
    def opened(self, name: str) -> Iterator[BinaryIO]:
        """Open a member; what goes wrong while it is read is told by the reader, see `telling_damage`."""
        with telling_damage(name):
            member = self._zip.open(self.names[name])
        with member:
            yield member  # type: ignore[misc] # it reads like any binary file


@contextmanager
def telling_damage(place: str) -> Iterator[None]:
    """Turn what damaged archives raise into what is told of them."""
    try:
        yield
    except UnreadableFile:
        raise
    except _DAMAGE as error:
        raise _damaged(place) from error


def _check(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.members:
        raise unreadable(
            Text(
                f"压缩包中有 {len(members)} 个文件，最多 {limits.members} 个",
                f"{len(members)} files in the archive; at most {limits.members}",
            ),
            Text("分成几个压缩包", "divide it among several archives"),
        )
    total = sum(member.file_size for member in members)
    if total > limits.unpacked_bytes:
        raise unreadable(
            Text(
                f"解压后有 {total} 字节，最多 {limits.unpacked_bytes} 字节",
                f"{total} bytes when unpacked; at most {limits.unpacked_bytes}",
            ),
            Text("分成几个文件", "divide it among several files"),
        )
    for member in members:
        name = shown(_name(member))
        if member.flag_bits & _ENCRYPTED:
            raise unreadable(
                Text("文件已加密", "the file is encrypted"),
                Text("去掉密码后重新保存", "save it without a password"),
                name,
            )
        if member.compress_type not in _METHODS:
            raise unreadable(
                Text("压缩方法不是 deflate", "packed by another method than deflate"),
                Text("用系统自带的“压缩为 zip”重新打包", "pack it anew as a plain zip"),
                name,
            )
        if member.file_size > _SMALL and member.file_size > limits.ratio * member.compress_size:
            raise unreadable(
                Text(
                    f"解压后膨胀 {limits.ratio} 倍以上，不予解压",
                    f"grows more than {limits.ratio} times when unpacked, so it is not unpacked",
                ),
                Text(
                    "重新制作文件，去掉大片的空白格式",
                    "make the file anew, without large areas of empty formatted cells",
                ),
                name,
            )


def _name(member: zipfile.ZipInfo) -> str:
    """Give the name of a member; older systems in China write names in GBK without saying so."""
    if member.flag_bits & _UTF8:
        return member.filename
    try:
        raw = member.filename.encode("cp437")
    except UnicodeEncodeError:
        return member.filename
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return member.filename


def _damaged(place: str = "") -> UnreadableFile:
    return unreadable(
        Text("文件已损坏，或不是 zip 格式", "the file is damaged, or no zip archive"),
        Text("重新保存或下载后再试", "save or download it again"),
        place,
    )
