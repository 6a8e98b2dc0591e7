"""One piece of work as its task sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

T = TypeVar("T")


class ServiceEndsError(BaseException):
    """The service ends: the task is left as it is, and run again from its beginning when a process is there for it.

    Not an `Exception`, so that no task takes it for a failure of its own.
    """


class Steps(Protocol):
    """Whoever remembers the results of steps."""

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        """Do `work` unless its result is known."""


@dataclass(frozen=True, slots=True)
class Job:
    """A task at work. It may be run again from its beginning at any time: what it writes, it can write twice."""

    id: str
    ending: Event
    steps: Steps

    def go_on(self) -> None:
        """Ask, between two pieces of work, whether there is time for another one.

        Raises:
            ServiceEndsError: there is not; let it pass.

        """
        if self.ending.is_set():
            raise ServiceEndsError

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Do `work` and remember its result (JSON), which is given without doing it again when the task is run again.

        Steps must be asked for in the same order every time.
        """
        return self.steps(name, work)
