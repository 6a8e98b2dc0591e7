"""`as_of`: the moment of the past that a request asks about."""

import re
from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import AfterValidator, Field

from services.manifest.values import unacceptable
from services.registry.store.past import AsOf, Moment
from services.text import Text

AS_OF_PATTERN = r"^([0-9]{1,18}|[12][0-9]{3}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,15}(Z|[+-][0-9]{2}:[0-9]{2}))?)$"
HEADER = "Registry-Revision"
"""The header that names the registry revision of an answer as of a moment."""

_FORM = re.compile(AS_OF_PATTERN)
_NUMBER = re.compile(r"[0-9]{1,18}")


_UNREADABLE = (
    Text("没有这样的时点。", "There is no such moment."),
    Text(
        "写登记号（1024）、日期（2026-03-01）或带时区的时刻（2026-03-01T09:00:00Z；地址中 + 写作 %2B）。",
        "Give a registry revision (1024), a day (2026-03-01) or an instant with its time zone (2026-03-01T09:00:00Z;"
        " in a URL write + as %2B).",
    ),
)


def moment(text: str) -> Moment:
    """Read a moment: a registry revision, a day, or an instant with its time zone.

    Raises:
        ValueError: it is none of these.

    """
    if not _FORM.fullmatch(text):
        raise ValueError(text)
    if _NUMBER.fullmatch(text):
        return int(text)
    if "T" not in text:
        return date.fromisoformat(text)
    return datetime.fromisoformat(text)


def _readable(text: str) -> str:
    try:
        moment(text)
    except ValueError:
        raise unacceptable("as_of_unknown", *_UNREADABLE) from None
    return text


AS_OF = (
    "所问的时点：登记号、日期（到北京时间当日结束为止，今天则到此刻为止）或带时区的时刻（+ 须写作 %2B）"
    " · as of when: a registry revision, a day (up to its end in Beijing; today: up to now) or an instant with its"
    " time zone (write + as %2B)"
)

AsOfText = Annotated[str, Field(json_schema_extra={"pattern": AS_OF_PATTERN}), AfterValidator(_readable)]
AsOfQuery = Annotated[AsOfText | None, Query(description=AS_OF)]


def as_of(text: str | None, place: str = "?as_of") -> AsOf | None:
    """Give the moment that a request names, and where; None when it names none."""
    return None if text is None else AsOf(moment(text), place)


def told(revision: int | None) -> dict[str, str]:
    """Give the header that names the registry revision of an answer, where it is as of a moment."""
    return {} if revision is None else {HEADER: str(revision)}
