"""Processes that read a large file beside the service: they validate manifests and derive what will be stored of them.

They know no database and keep nothing, so one that is killed costs the work of a moment: the import goes on from the
last batch that was kept. They live as long as the file is read, and end with the service, however it ends.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from services.registry.imports import judging
from services.registry.imports.judging import Read, Ready
from services.registry.sheets.documents import entry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from services.registry.sheets import Problem
    from services.registry.sheets.documents import Document

    _Numbered = tuple[int, Document]
    _Told = tuple[int, str, str | None, tuple[Problem, ...], Ready | None]

LARGE = 4 << 20
"""Bytes of a file that is worth other processes, which take a second to begin."""

_AT_ONCE = 100
_AHEAD = 2


class ReaderLostError(OSError):
    """A process that reads was killed: by the system for want of memory, or by somebody."""


class Readers:
    """Processes that read documents."""

    def __init__(self, executor: ProcessPoolExecutor, processes: int) -> None:
        """Take the processes, and how many they are."""
        self._executor = executor
        self._ahead = _AHEAD * processes + 1

    def read(self, documents: Iterator[_Numbered], *, max_offers: int) -> Iterator[Read]:
        """Read documents, in their order and not far ahead of who asks.

        Raises:
            ReaderLostError: see there.

        """
        waiting: deque[Future[list[_Told]]] = deque()
        try:
            while True:
                while len(waiting) < self._ahead and (some := list(islice(documents, _AT_ONCE))):
                    waiting.append(self._executor.submit(_read, some, max_offers))
                if not waiting:
                    return
                for number, place, id, problems, ready in waiting.popleft().result():
                    yield Read(number, place, id, None, problems, ready=ready)
        except BrokenExecutor as error:
            raise ReaderLostError(str(error)) from error


@contextmanager
def readers_of(size: int, processes: int) -> Iterator[Readers | None]:
    """Give so many processes for a file of so many bytes; None when it is read sooner without."""
    if size < LARGE or processes == 0:
        yield None
        return
    # What a process that was forked inherits – threads, locks, connections – is not its own.
    executor = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
    try:
        yield Readers(executor, processes)
    finally:
        executor.shutdown(cancel_futures=True)


def _read(documents: list[_Numbered], max_offers: int) -> list[_Told]:
    """Read some documents. What the collector of cycles would look for is little, so it looks once, at the end."""
    read = [judging.read(entry(each), max_offers) for each in documents]
    told = [(each.number, each.place, each.id, each.problems, each.ready) for each in read]
    del read
    gc.collect()
    return told


def _begin() -> None:
    gc.freeze()
    gc.disable()
    service = multiprocessing.parent_process()
    if service is not None:
        threading.Thread(target=_end_with, args=(service.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
