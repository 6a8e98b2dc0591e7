"""Records: small things of many fields that are made by the thousand and never changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def record(made: type[T]) -> type[T]:
    """Make a class a frozen dataclass with slots: equal and hashable by what it holds.

    The type checker keeps its fields from being changed, not the interpreter; so it takes a third of the time to make.
    """
    return dataclass(slots=True, unsafe_hash=True)(made)
