"""A receiver of webhooks on loopback: answers as it is told, and keeps all that it receives."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from standardwebhooks import Webhook

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping, Sequence

STUCK_AFTER_S = 60


@dataclass(frozen=True)
class Received:
    """A request that came."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)

    @property
    def subject(self) -> str:
        return str(self.event["subject"])

    def verified_by(self, secret: str) -> Any:  # noqa: ANN401 - JSON
        """Verify it as receivers do."""
        return Webhook(secret).verify(self.body, dict(self.headers))


class Receiver:
    """Answers 200 unless told otherwise: `plan` holds the answers to come, `answer` the one after those."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.plan: deque[int] = deque()
        self.answer = 200
        self.headers: dict[str, str] = {}
        self.is_held = threading.Event()
        self.is_held.set()
        self.at_once = self.most_at_once = 0
        self.port = 0
        self._news = threading.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    def hold(self) -> None:
        """Answer nothing until `release`."""
        self.is_held.clear()

    def hold_when_idle(self) -> None:
        """Answer nothing from the next request on, once those that are here have been answered."""
        self.wait(lambda _: self.at_once == 0)
        self.hold()

    def release(self) -> None:
        self.is_held.set()

    def take(self, request: Received) -> int:
        with self._news:
            self.received.append(request)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            status = self.plan.popleft() if self.plan else self.answer
            self._news.notify_all()
        self.is_held.wait(STUCK_AFTER_S)
        with self._news:
            self.at_once -= 1
            self._news.notify_all()
        return status

    def wait(self, is_so: Callable[[Sequence[Received]], bool]) -> list[Received]:
        """Wait until what was received is as it should be, and give it."""
        with self._news:
            assert self._news.wait_for(lambda: is_so(self.received), STUCK_AFTER_S), [r.id for r in self.received]
            return list(self.received)

    def wait_for(self, *subjects: str) -> list[Received]:
        """Wait until events of these subjects have come, and give all."""
        return self.wait(lambda received: set(subjects) <= {each.subject for each in received})


@contextmanager
def receiving(tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen until the block ends."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Received(headers, body))
            try:
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                self.close_connection = True  # the sender did not wait

        def log_message(self, format: str, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # senders that go away, and handshakes that fail on purpose

    with Server(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        receiver.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.release()
            server.shutdown()
            thread.join()
