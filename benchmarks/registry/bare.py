"""The bare SQL: the statements that the registry sends to its database to answer a request, and nothing around them.

They are overheard while a registry in this process answers, and sent again by the driver alone.
"""

from __future__ import annotations

import sqlite3
import time
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
from pydantic import SecretStr
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from services.jobs import JobsSettings
from services.registry import main as registry
from services.registry.settings import RegistrySettings

with warnings.catch_warnings():
    # It would rather have a successor of httpx; ours is httpx itself, the client the services use.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy.engine.interfaces import DBAPIConnection

Statement = tuple[str, Any]


def overhear(url: str, requests: Sequence[bytes]) -> list[list[Statement]]:
    """Give, for each request, the statements by which it is answered.

    Raises:
        RuntimeError: a request was not answered with 200.

    """
    settings = RegistrySettings(database_url=SecretStr(url), jobs=JobsSettings(runs=False))
    heard: list[list[Statement]] = []
    with _listening() as now, TestClient(registry.create_service(settings)) as client:
        for request in requests:
            method, path, body = _read(request)
            now.clear()
            answer = client.request(method, path, content=body, headers={"Content-Type": "application/json"})
            if answer.status_code != 200:
                raise RuntimeError(f"{path} was answered {answer.status_code}: {answer.text}")
            heard.append([each for each in now if each[0].lstrip().upper().startswith(("SELECT", "WITH"))])
    return heard


def replay(url: str, asked: Sequence[Sequence[Statement]], seconds: float) -> list[float]:
    """Send the statements of one request after the other until the time is up; give milliseconds for each request."""
    execute, close = _opened(url)
    try:
        for statements in asked:
            _send(execute, statements)
        took_ms: list[float] = []
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for statements in asked:
                began = time.perf_counter()
                _send(execute, statements)
                took_ms.append((time.perf_counter() - began) * 1000)
        return took_ms
    finally:
        close()


def _send(execute: Callable[[str, Any], Any], statements: Sequence[Statement]) -> None:
    for statement, parameters in statements:
        execute(statement, parameters).fetchall()


def _opened(url: str) -> tuple[Callable[[str, Any], Any], Callable[[], None]]:
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        file = sqlite3.connect(str(parsed.database))
        return file.execute, file.close
    server = psycopg.connect(url, autocommit=True, options="-c jit=off -c plan_cache_mode=force_custom_plan")
    return lambda statement, parameters: server.execute(statement, parameters or None), server.close


@contextmanager
def _listening() -> Iterator[list[Statement]]:
    now: list[Statement] = []

    def sent(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        now.append((statement, parameters))

    def connected(connection: DBAPIConnection, _record: object) -> None:
        # What goes past SQLAlchemy on SQLite is heard by SQLite itself, with the parameters in it.
        if isinstance(connection, sqlite3.Connection):
            connection.set_trace_callback(lambda statement: now.append((statement, ())))

    def sent_unless_traced(connection: Any, *rest: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
        if connection.dialect.name == "postgresql":
            sent(connection, *rest)

    event.listen(Engine, "before_cursor_execute", sent_unless_traced)
    event.listen(Engine, "connect", connected)
    try:
        yield now
    finally:
        event.remove(Engine, "before_cursor_execute", sent_unless_traced)
        event.remove(Engine, "connect", connected)


def _read(request: bytes) -> tuple[str, str, bytes]:
    head, _, body = request.partition(b"\r\n\r\n")
    method, path, _ = head.partition(b"\r\n")[0].decode().split(" ")
    return method, path, body
