"""Three-valued conditions: one holds, does not hold, or it is lacking what would tell."""

from __future__ import annotations

from itertools import chain

from services.audit.law import Lack

Condition = bool | tuple[Lack, ...]
"""True, False, or everything that is lacking to know it."""


def all_of(*parts: Condition) -> Condition:
    """Hold when every part holds; one that does not hold decides, whatever is lacking for the others."""
    if False in parts:
        return False
    return _lacking(parts) or True


def any_of(*parts: Condition) -> Condition:
    """Hold when one part holds, whatever is lacking for the others."""
    if True in parts:
        return True
    return _lacking(parts) or False


def opposite(part: Condition) -> Condition:
    """Hold when the part does not; what is lacking stays lacking."""
    return part if isinstance(part, tuple) else not part


def _lacking(parts: tuple[Condition, ...]) -> tuple[Lack, ...]:
    unknown = [part for part in parts if isinstance(part, tuple)]
    return tuple(dict.fromkeys(chain.from_iterable(unknown))) if unknown else ()
