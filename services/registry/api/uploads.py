"""Files that are sent: kept part by part as they come, so that no process ever holds one in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from services.registry.store import imports
from services.text import Text
from services.web import BODY_TOO_LARGE, INVALID_BODY, Problem, lift_deadline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from services.registry.api.desk import Desk
    from services.registry.import_tables import Import

PART = 1 << 20
"""Bytes of a file that are kept at once."""
LONGEST_S = 3600
"""How long a file may take to arrive."""
LONGEST_PAUSE_S = 60
"""How long nothing of it may arrive."""


async def receive(request: Request, desk: Desk, sent: Import) -> int:
    """Keep the file of a new import, and give its size; of one that breaks off, nothing is kept.

    Raises:
        Problem: `body-too-large` (413); or `invalid-body` (400) when it is empty, or does not arrive in time.

    """
    lift_deadline(request)
    await desk.write(imports.create, desk.database, sent)
    try:
        async with asyncio.timeout(LONGEST_S):
            return await _receive(request, desk, sent.id)
    except BaseException as error:
        # Shielded, because a request that is broken off is cancelled.
        await asyncio.shield(desk.write(imports.discard, desk.database, sent.id))
        if isinstance(error, TimeoutError):
            raise Problem(INVALID_BODY, Text("文件没有及时传完。", "The file did not arrive in time.")) from error
        raise


async def _receive(request: Request, desk: Desk, id: str) -> int:
    size, number, part = 0, 0, bytearray()
    async for chunk in _pieces(request):
        part += chunk
        size += len(chunk)
        if size > desk.settings.max_import_bytes:
            raise _too_large(desk.settings.max_import_bytes)
        if len(part) >= PART:
            await desk.write(imports.receive, desk.database, id, number, bytes(part))
            number += 1
            part.clear()
    if not size:
        raise Problem(INVALID_BODY, Text("文件为空。", "The file is empty."))
    if part:
        await desk.write(imports.receive, desk.database, id, number, bytes(part))
    return size


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    stream = request.stream()
    while True:
        async with asyncio.timeout(LONGEST_PAUSE_S):
            chunk = await anext(stream, None)
        if chunk is None:
            return
        yield chunk


def _too_large(limit: int) -> Problem:
    detail = Text(f"文件最多 {limit} 字节。", f"A file may have at most {limit} bytes.")
    # The rest is not read, so the connection cannot be used again.
    return Problem(BODY_TOO_LARGE, detail, headers={"Connection": "close"})
