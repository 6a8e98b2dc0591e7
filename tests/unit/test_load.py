"""The load generator sends all requests in turn, and understands answers of a known length and answers in chunks."""

from __future__ import annotations

import socketserver
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks import load

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n0\r\n\r"
IN_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


@contextmanager
def answering(answers: dict[str, bytes]) -> Iterator[tuple[int, Counter[str]]]:
    asked: Counter[str] = Counter()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                path = line.decode().split()[1]
                while self.rfile.readline() not in {b"\r\n", b""}:
                    pass
                asked[path] += 1
                self.wfile.write(answers[path])

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


def test_requests_are_sent_in_turn_whatever_form_their_answers_have() -> None:
    with answering({"/whole": WHOLE, "/chunks": IN_CHUNKS}) as (port, asked):
        done = load.run([port], load.get("/whole"), load.get("/chunks"), seconds=60, answers=20, connections=1)
    assert done.answers == 20
    assert asked == {"/whole": 10, "/chunks": 10}


def test_an_answer_that_is_no_success_is_told() -> None:
    refusal = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    with answering({"/": refusal}) as (port, _), pytest.raises(RuntimeError, match="404"):
        load.run([port], load.get("/"), seconds=60, answers=2, connections=2)
