"""Writers on SQLite have their turn in the order in which they came."""

from __future__ import annotations

import threading

import pytest

from services.database.queues import Queue

DEADLINE_S = 30


def test_turns_are_taken_in_the_order_of_coming() -> None:
    queue, order = Queue(), []
    threads = []

    def take(number: int) -> None:
        with queue:
            order.append(number)

    with queue:
        for number in range(5):
            threads.append(threading.Thread(target=take, args=(number,)))
            threads[-1].start()
            until_waiting(queue, number + 1)
    for thread in threads:
        thread.join(DEADLINE_S)
    assert order == list(range(5))


def test_who_takes_it_again_and_again_lets_others_go_first() -> None:
    queue, order = Queue(), []

    def take() -> None:
        with queue:
            order.append("clerk")

    clerk = threading.Thread(target=take)
    with queue:
        clerk.start()
        until_waiting(queue, 1)
    with queue:
        order.append("import")
    clerk.join(DEADLINE_S)
    assert order == ["clerk", "import"]


def test_it_is_free_again_after_an_error() -> None:
    queue = Queue()
    with pytest.raises(LookupError), queue:
        raise LookupError
    taken = threading.Thread(target=queue.__enter__)
    taken.start()
    taken.join(DEADLINE_S)
    assert not taken.is_alive()


def until_waiting(queue: Queue, many: int) -> None:
    """Wait until so many are waiting: without that there is no order to keep."""
    while len(queue._waiting) < many:  # noqa: SLF001 - nothing else tells that a thread has come to wait
        threading.Event().wait(0.001)
