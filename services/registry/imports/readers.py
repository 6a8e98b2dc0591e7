"""Processes that read a large file beside the service: they validate manifests and derive what will be stored of them.

They know no database and keep nothing, so one that is killed costs the work of a moment: the import goes on from the
last batch that was kept. They live as long as the file is read, and end with the service, however it ends.

Each has a pipe of its own, of which nobody else holds its end: when it dies, in the middle of an answer even, the pipe
ends, and so does the waiting. A pool that shares one queue among its processes waits for ever then.
"""

from __future__ import annotations

import gc
import multiprocessing
from collections import deque
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, cast

from services.registry.imports import judging
from services.registry.imports.judging import Read, Ready
from services.registry.sheets.documents import entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection

    from services.registry.sheets import Problem
    from services.registry.sheets.documents import Document

    _Numbered = tuple[int, Document]
    _Told = tuple[int, str, str | None, tuple[Problem, ...], Ready | None]

LARGE = 4 << 20
"""Bytes of a file that is worth other processes, which take a second to begin."""

_AT_ONCE = 100
_END_S = 5.0


class ReaderLostError(OSError):
    """A process that reads was killed: by the system for want of memory, or by somebody."""


class _Reader:
    """One process that reads, and our end of its pipe."""

    def __init__(self) -> None:
        # What a process that was forked inherits – threads, locks, connections – is not its own.
        context = multiprocessing.get_context("spawn")
        self._pipe, its_own = context.Pipe()
        self._process = context.Process(target=_serve, args=(its_own,), daemon=True)
        self._process.start()
        its_own.close()

    def give(self, documents: list[_Numbered], max_offers: int) -> None:
        try:
            self._pipe.send((documents, max_offers))
        except OSError as error:
            raise ReaderLostError(str(error)) from error

    def told(self) -> list[_Told]:
        try:
            answer = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise ReaderLostError(str(error)) from error
        if isinstance(answer, Exception):
            raise answer
        return cast("list[_Told]", answer)

    def end(self) -> None:
        self._pipe.close()
        self._process.join(_END_S)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()
        self._process.close()


class Readers:
    """Processes that read documents."""

    def __init__(self, readers: Sequence[_Reader]) -> None:
        """Take the processes."""
        self._readers = readers

    def read(self, documents: Iterator[_Numbered], *, max_offers: int) -> Iterator[Read]:
        """Read documents, in their order and not far ahead of who asks.

        Raises:
            ReaderLostError: see there.

        """
        busy: deque[_Reader] = deque()
        for reader in self._readers:
            if some := list(islice(documents, _AT_ONCE)):
                reader.give(some, max_offers)
                busy.append(reader)
        while busy:
            # They are asked in turn, so that what they tell comes in order; one has its next work at once.
            reader = busy.popleft()
            told = reader.told()
            if some := list(islice(documents, _AT_ONCE)):
                reader.give(some, max_offers)
                busy.append(reader)
            for number, place, id, problems, ready in told:
                yield Read(number, place, id, None, problems, ready=ready)


@contextmanager
def readers_of(size: int, processes: int) -> Iterator[Readers | None]:
    """Give so many processes for a file of so many bytes; None when it is read sooner without."""
    if size < LARGE or processes == 0:
        yield None
        return
    with ExitStack() as ending:
        readers = []
        for _ in range(processes):
            readers.append(_Reader())
            ending.callback(readers[-1].end)
        yield Readers(readers)


def _serve(pipe: Connection) -> None:
    """Read what comes through a pipe until it ends, as it does when the service does."""
    gc.freeze()
    gc.disable()
    while True:
        try:
            documents, max_offers = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            answer: list[_Told] | Exception = _read(documents, max_offers)
        except Exception as error:  # noqa: BLE001 - whoever asked gets it
            answer = error
        try:
            pipe.send(answer)
        except OSError:
            return


def _read(documents: list[_Numbered], max_offers: int) -> list[_Told]:
    """Read some documents. What the collector of cycles would look for is little, so it looks once, at the end."""
    read = [judging.read(entry(each), max_offers) for each in documents]
    told = [(each.number, each.place, each.id, each.problems, each.ready) for each in read]
    del read
    gc.collect()
    return told
