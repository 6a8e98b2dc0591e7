"""A process that writes to registries as fast as it can, whenever it is told to: see test_concurrency.py.

Each line it reads is a JSON list: the database's URL, what to do (`register`, `create`, `change`), and how often or
with which app. Once it is connected it says `ready`, begins at the next line, and prints the revisions it made.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from services.registry.store import apps
from services.registry.store.database import Act, Database
from tests import world
from tests.integration.registry.clerk import manifest, new_id

if TYPE_CHECKING:
    from services.registry.tables import App

ACT = Act("test", "test")


class LateError(Exception):
    """Somebody else was first."""


def register(database: Database, times: int) -> list[int]:
    """Register apps of one department and item, so that their offers meet, and give their revisions."""
    revisions = []
    for _ in range(times):
        app = new_id()
        declared = world.manifest(manifest(app, asks=[{"code": "contended"}], regions=["33", "34"]))
        row, _ = apps.put(database, app, declared, ACT, lambda *_: None, 100)
        revisions.append(row.since)
    return revisions


def create(database: Database, app: str) -> list[int]:
    """Register an app that must be new."""

    def guard(current: App | None, *_: object) -> None:
        if current is not None:
            raise LateError

    row, _ = apps.put(database, app, world.manifest(manifest(app, name=new_id())), ACT, guard, 100)
    return [row.since]


def change(database: Database, app: str) -> list[int]:
    """Change an app that must still be as it was registered."""

    def guard(current: App | None, *_: object) -> None:
        if current is None or current.since != current.registered:
            raise LateError

    row, _ = apps.put(database, app, world.manifest(manifest(app, name=new_id())), ACT, guard, 100)
    return [row.since]


def run(url: str, deed: str, what: str) -> list[int]:
    """Do it once another line has been read."""
    database = Database(url, lock_timeout_s=60)
    if not database.is_at_head():
        raise RuntimeError("the schema is not there")
    say("ready")
    sys.stdin.readline()
    try:
        if deed == "register":
            return register(database, int(what))
        return {"create": create, "change": change}[deed](database, what)
    except LateError:
        return []
    finally:
        database.close()


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    while order := sys.stdin.readline():
        say(json.dumps(run(*json.loads(order))))
