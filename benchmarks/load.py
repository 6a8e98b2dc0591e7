"""A small HTTP load generator: keep-alive connections over raw sockets, requests built beforehand, bounded.

It runs as a process of its own, so that the server measured does not share an interpreter with its clients:
`python -m benchmarks.load` reads a plan from standard input and writes what it counted, both as JSON.
"""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

CONNECTIONS = 16
_IN_CHUNKS, _LAST_CHUNK = -1, b"\r\n0\r\n\r\n"
_PATIENCE_S = 10.0
"""How long after the end of its time a run may still wait for its last answers."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run counted: answers, the seconds it took, their latencies in milliseconds, and answers by status."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    statuses: Mapping[str, int]

    @property
    def per_second(self) -> float:
        """Throughput in answers per second."""
        return self.answers / self.seconds


def post(path: str, body: bytes) -> bytes:
    """Build the bytes of one POST request with a JSON body."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


def get(path: str) -> bytes:
    """Build the bytes of one GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def run(
    ports: Sequence[int],
    *requests: bytes,
    seconds: float,
    answers: int = 1_000_000,
    connections: int = CONNECTIONS,
    status: str = "200",
) -> Load:
    """Send requests in turn, again and again, to ports of this machine until time or count is up.

    Args:
        ports: where to; the connections are shared among them.
        requests: what is sent.
        seconds: for how long.
        answers: how many answers there are at most.
        connections: how many requests are on their way at once.
        status: what every answer must be.

    Raises:
        RuntimeError: the load generator failed, or an answer was anything else.

    """
    plan = {
        "ports": list(ports),
        "requests": [base64.b64encode(request).decode() for request in requests],
        "seconds": seconds,
        "answers": answers,
        "connections": connections,
    }
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"],
        input=json.dumps(plan).encode(),
        capture_output=True,
        check=False,
        timeout=seconds + 2 * _PATIENCE_S,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.decode())
    load = Load(**json.loads(done.stdout))
    if set(load.statuses) != {status}:
        raise RuntimeError(f"not every answer was {status}: {load.statuses}")
    return load


class _Connection(asyncio.Protocol):
    """One connection: sends the next request as soon as the answer to the last one is complete."""

    def __init__(self, generator: _Generator) -> None:
        self._generator = generator
        self._received = bytearray()
        self._awaited = 0
        self._sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not of asyncio's class, but do the same.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        if not self._awaited:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            length = _content_length(bytes(received[:end]))
            self._awaited = _IN_CHUNKS if length is None else end + 4 + length
        # Of an answer in chunks, the last one is empty.
        is_whole = received.endswith(_LAST_CHUNK) if self._awaited == _IN_CHUNKS else len(received) >= self._awaited
        if not is_whole:
            return
        self._generator.count(received[9:12].decode(), time.perf_counter() - self._sent_at)
        del received[: None if self._awaited == _IN_CHUNKS else self._awaited]
        self._awaited = 0
        self._send()

    def connection_lost(self, error: Exception | None) -> None:
        self._generator.lost(error)

    def _send(self) -> None:
        if not self._generator.goes_on():
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._generator.request())


class _Generator:
    """One run on all its connections."""

    def __init__(self, requests: Sequence[bytes], seconds: float, answers: int, connections: int) -> None:
        self.request = cycle(requests).__next__
        self._seconds = seconds
        self._limit = answers
        self._sent = 0
        self._connections = self._open = connections
        self._latencies: list[float] = []
        self._statuses: Counter[str] = Counter()
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, ports: Sequence[int]) -> Load:
        began = time.perf_counter()
        self._until = began + self._seconds
        loop = asyncio.get_running_loop()
        for i in range(self._connections):
            await loop.create_connection(partial(_Connection, self), "127.0.0.1", ports[i % len(ports)])
        await asyncio.wait_for(self._done, self._seconds + _PATIENCE_S)
        took = time.perf_counter() - began
        ordered = sorted(self._latencies)
        p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
        return Load(len(ordered), took, p50, p99, dict(self._statuses))

    def goes_on(self) -> bool:
        if self._sent >= self._limit or time.perf_counter() >= self._until:
            return False
        self._sent += 1
        return True

    def count(self, status: str, latency_s: float) -> None:
        self._statuses[status] += 1
        self._latencies.append(latency_s)

    def lost(self, error: Exception | None) -> None:
        self._open -= 1
        if error is not None and not self._done.done():
            self._done.set_exception(error)
        elif not self._open and not self._done.done():
            self._done.set_result(None)


def _content_length(head: bytes) -> int | None:
    """Read how long an answer is; None when it comes in chunks."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
        if name.lower() == b"transfer-encoding":
            return None
    raise ValueError(f"an answer does not tell its length: {head!r}")


def main() -> None:
    """Carry out the plan given on standard input."""
    import uvloop  # noqa: PLC0415 - the process that starts this one needs no event loop

    plan = json.load(sys.stdin)

    async def generate() -> Load:
        requests = [base64.b64decode(request) for request in plan["requests"]]
        generator = _Generator(requests, plan["seconds"], plan["answers"], plan["connections"])
        return await generator.run(plan["ports"])

    print(json.dumps(asdict(uvloop.run(generate()))))


if __name__ == "__main__":
    main()
