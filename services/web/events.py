"""Logs as events: one JSON object a line, with a constant name and fields."""

from __future__ import annotations

import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from typing import TextIO

request_id_now: ContextVar[str | None] = ContextVar("request_id_now", default=None)
"""The id of the request being answered, so that every event below it says which request it belongs to."""


def log_event(
    logger: logging.Logger, event: str, /, *, level: int = logging.INFO, failed: bool = False, **fields: object
) -> None:
    """Log `event` (a constant name such as `request.done`) with its fields.

    With `failed`, the exception being handled goes with it, stack trace included.
    """
    if logger.isEnabledFor(level):
        # `logger.log` would search the stack for the calling line, which an event with a constant name does not need.
        error = sys.exc_info() if failed else None
        record = logger.makeRecord(logger.name, level, "", 0, event, (), error, extra={"fields": fields})
        logger.handle(record)


class JsonFormatter(logging.Formatter):
    """Writes a log record as one line of JSON. Line breaks in values are escaped, so no caller can forge an event."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line for `record`: at (UTC), level, logger, event, request_id, then its fields."""
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if request_id := request_id_now.get():
            entry["request_id"] = request_id
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["stack"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str, option=orjson.OPT_UTC_Z).decode()


def log_to(stream: TextIO | None = None, level: str = "INFO") -> None:
    """Send all logs of this process to `stream` (standard error when None) as JSON lines."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Nobody reads these in a record, and each costs every record something.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    for talkative in ("httpx", "httpcore"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
