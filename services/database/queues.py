"""A lock that is given in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType


class Queue:
    """A lock for threads that keeps their order.

    `threading.Lock` goes to whoever asks when it is free. A thread that takes it again and again, such as one that
    writes batch after batch, would hardly ever let another one have it.
    """

    def __init__(self) -> None:
        """Make a lock that nobody has."""
        self._changing = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        """Wait for those that came before."""
        with self._changing:
            if not self._is_taken:
                self._is_taken = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hand it to the one that has waited longest."""
        with self._changing:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._is_taken = False
