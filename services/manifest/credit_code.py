"""Unified social credit codes (GB 32100): 18 characters, the last of which checks the others.

Only the alphabet and the check character are judged. The first eight characters (registering authority, kind of
organisation, division of registration) are not: codes with letters there exist, and divisions are renumbered while a
credit code stays for life.
"""

from dataclasses import dataclass
from operator import mul
from typing import Literal

LENGTH = 18
ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters in the order of their values; I, O, S, V and Z look too much like digits or each other."""

_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_MODULUS = len(ALPHABET)
_WEIGHTS = tuple(pow(3, position, _MODULUS) for position in range(LENGTH - 1))


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is no credit code.

    Attributes:
        reason: the length is wrong, a character is not of the alphabet, or the check character does not fit the others.
        position: the place of the character at fault, from 1; None for the length.
        found: the character at fault, for the length the whole text.
        expected: the right check character; None for the other reasons, which leave it unknown.
    """

    reason: Literal["length", "character", "check"]
    position: int | None
    found: str
    expected: str | None = None

    @property
    def zh(self) -> str:
        """The reason as a Chinese clause."""
        match self.reason:
            case "length":
                return f"统一社会信用代码应有 {LENGTH} 位，这里是 {len(self.found)} 位"
            case "character":
                allowed = "只能是数字或 I、O、S、V、Z 以外的大写字母"
                return f"统一社会信用代码第 {self.position} 位是 {self.found!r}，{allowed}"
            case "check":
                return f"统一社会信用代码的校验位（第 {self.position} 位）应为 {self.expected}，这里是 {self.found}"

    @property
    def en(self) -> str:
        """The reason as an English clause."""
        match self.reason:
            case "length":
                return f"a unified social credit code has {LENGTH} characters, not {len(self.found)}"
            case "character":
                allowed = "allowed are digits and capital letters other than I, O, S, V and Z"
                return f"character {self.position} of the credit code is {self.found!r}; {allowed}"
            case "check":
                return f"check character {self.position} of the credit code must be {self.expected}, not {self.found}"


def check_character(first: str) -> str:
    """Return the 18th character that belongs to the first 17.

    Raises:
        ValueError: there are not 17 characters, or one is not of the alphabet.
    """
    if len(first) != LENGTH - 1 or not _VALUES.keys() >= set(first):
        raise ValueError(f"{LENGTH - 1} characters of {ALPHABET} are expected")
    return ALPHABET[-sum(map(mul, _WEIGHTS, map(_VALUES.__getitem__, first))) % _MODULUS]


def problem(code: str) -> Problem | None:
    """Return the first thing wrong with a credit code; None when length, alphabet and check character are right."""
    if len(code) != LENGTH:
        return Problem("length", None, code)
    for position, character in enumerate(code, start=1):
        if character not in _VALUES:
            return Problem("character", position, character)
    expected = check_character(code[:-1])
    return None if code[-1] == expected else Problem("check", LENGTH, code[-1], expected)
