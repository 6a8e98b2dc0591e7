"""What a webhook says: a CloudEvent in JSON, signed as Standard Webhooks has it."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Any

import orjson
from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.registry.store.changes import Change

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
_PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret: 32 bytes of chance."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def type_of(noun: str, action: str) -> str:
    """Give the type of an event, by which it is chosen."""
    return f"{noun}.{action}"


def body(change: Change, told: Mapping[str, Any], source: str) -> bytes:
    """Give the CloudEvent (1.0) that tells a change: the same bytes every time it is told."""
    event = {
        "specversion": "1.0",
        "id": str(change.revision),
        "source": source,
        "type": type_of(change.noun, change.action),
        "subject": change.thing,
        "time": change.at,
        "datacontenttype": "application/json",
        "data": told,
    }
    return orjson.dumps(event)


def headers(subscription: str, revision: int, body: bytes, keys: Sequence[str], now: datetime) -> dict[str, str]:
    """Give the headers of one attempt: the id stays, the time is that of the attempt, and every secret signs.

    Args:
        subscription: its id.
        revision: what is told.
        body: what is sent.
        keys: the subscription's secrets.
        now: the present instant.

    """
    id = f"{subscription}_{revision}"
    text = body.decode()
    return {
        "Content-Type": CONTENT_TYPE,
        "User-Agent": "govapp-registry",
        "webhook-id": id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(id, now, text) for key in keys),
    }
