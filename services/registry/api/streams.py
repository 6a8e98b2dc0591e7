"""Streams: answers of any length, a piece at a time, with constant memory."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from starlette.responses import StreamingResponse

from services.database.doors import STREAM_PAUSE_S
from services.registry.api.desk import Desk
from services.registry.api.moments import HEADER
from services.web import OVERLOADED, Problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import Message, Receive, Scope, Send

    from services.registry.store.snapshots import Snapshot

P = ParamSpec("P")
T = TypeVar("T")

NDJSON = "application/x-ndjson"


class Streams:
    """Lets a few streams run at once.

    Each holds a connection for as long as its reader reads, and a thread only while a piece is fetched.
    """

    def __init__(self, desk: Desk, at_most: int) -> None:
        """Take the desk, and how many streams there may be at once."""
        self._desk = desk
        self._free = at_most
        self._threads = ThreadPoolExecutor(at_most, "registry-stream")

    @property
    def free(self) -> int:
        """How many streams may begin."""
        return self._free

    async def answer(
        self,
        opened: AbstractContextManager[Snapshot],
        media_type: str = NDJSON,
        headers: Callable[[int], Mapping[str, str]] = lambda _: {},
    ) -> StreamingResponse:
        """Give the answer that streams a snapshot. What fails before its first piece is a problem like any other.

        Args:
            opened: what is streamed; it is entered and left in threads of this object.
            media_type: of what it is made.
            headers: gives, for the registry revision of the snapshot, the headers besides that which names it.

        Raises:
            Problem: `overloaded` (503) when as many streams as allowed are running; or why it cannot begin.

        """
        if not self._free:
            raise Problem(OVERLOADED, headers={"Retry-After": "10"})
        self._free -= 1
        stream = _Stream(opened)
        loop = asyncio.get_running_loop()
        is_over = False

        def release() -> None:
            nonlocal is_over
            self._free += not is_over
            is_over = True

        def end() -> None:
            if not is_over:
                closed = self._threads.submit(stream.close)
                closed.add_done_callback(lambda _: loop.call_soon_threadsafe(release))

        async def pieces() -> AsyncIterator[bytes]:
            piece = first
            while piece is not None:
                # While one piece is on its way, the next is fetched.
                following = loop.run_in_executor(self._threads, stream.piece)
                following.add_done_callback(_seen)
                yield piece
                piece = await following
            await loop.run_in_executor(self._threads, stream.close)
            release()

        try:
            revision, first = await self._desk.do_in(self._threads, stream.begin)
        except Problem:
            release()
            raise
        except BaseException:
            end()
            raise
        return _Answer(pieces(), media_type, {**headers(revision), HEADER: str(revision)}, end)

    def close(self) -> None:
        """Finish what has begun."""
        self._threads.shutdown()


class _Stream:
    """A snapshot that is read piece by piece in one thread after the other, and closed while nobody reads."""

    def __init__(self, opened: AbstractContextManager[Snapshot]) -> None:
        self._opened = opened
        self._exit = ExitStack()
        self._lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def begin(self) -> tuple[int, bytes | None]:
        with self._lock, ExitStack() as until_begun:
            self._snapshot = until_begun.enter_context(self._opened)
            first = next(self._snapshot.chunks, None)
            self._exit = until_begun.pop_all()
            return self._snapshot.revision, first

    def piece(self) -> bytes | None:
        with self._lock:
            return None if self._snapshot is None else next(self._snapshot.chunks, None)

    def close(self) -> None:
        with self._lock:
            self._snapshot = None
            self._exit.close()


def _seen(done: asyncio.Future[bytes | None]) -> None:
    """Look at what became of a piece, so that nobody is told of a failure for which nobody waits any more."""
    if not done.cancelled():
        done.exception()


class _Answer(StreamingResponse):
    """A stream that is closed however its answer ends, even when nobody has begun to read it.

    A reader who takes nothing for a minute is left: each holds a connection, and a snapshot that keeps the database
    from tidying up.
    """

    def __init__(
        self, pieces: AsyncIterator[bytes], media_type: str, headers: dict[str, str], end: Callable[[], None]
    ) -> None:
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._end = end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(STREAM_PAUSE_S):
                await send(message)

        try:
            await super().__call__(scope, receive, send_in_time)
        finally:
            self._end()


def streams_of(request: Request) -> Streams:
    """Give the streams of the service that answers `request`."""
    streams: Streams = request.state.streams
    return streams
