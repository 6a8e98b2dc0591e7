import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.manifest import credit_code
from services.manifest.credit_code import ALPHABET, Problem

unhurried = settings(deadline=None)
firsts = st.text(ALPHABET, min_size=17, max_size=17)
valid_codes = firsts.map(lambda first: first + credit_code.check_character(first))

# The weights as GB 32100 prints them; the module computes them.
PRINTED_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def test_the_example_of_the_standard_is_valid() -> None:
    assert credit_code.problem("91350100M000100Y43") is None


@pytest.mark.parametrize(
    "first", ["11990101000000001", "N2990101000000001", "Y1990101MB0000000", "A9990101X00000000", "00000000000000000"]
)
def test_codes_of_every_authority_can_be_valid(first: str) -> None:
    assert credit_code.problem(first + credit_code.check_character(first)) is None


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", Problem("length", None, "")),
        ("91350100M000100Y4", Problem("length", None, "91350100M000100Y4")),
        ("91350100M000100Y433", Problem("length", None, "91350100M000100Y433")),
        ("91350100m000100Y43", Problem("character", 9, "m")),
        ("9135O100M000100Y43", Problem("character", 5, "O")),
        ("I1350100M000100Y43", Problem("character", 1, "I")),
        ("91350100M000100Y4Z", Problem("character", 18, "Z")),
        ("91350100M000100Y4３", Problem("character", 18, "３")),
        ("91350100M000 00Y43", Problem("character", 13, " ")),
        ("91350100M000100Y44", Problem("check", 18, "4", "3")),
        ("91350100M000100Y34", Problem("check", 18, "4", "0")),
    ],
)
def test_each_reason_is_told_with_its_place(code: str, expected: Problem) -> None:
    assert credit_code.problem(code) == expected


def test_reasons_are_clauses_in_two_languages() -> None:
    length, character, check = (
        credit_code.problem(code) for code in ("91350100M000100Y4", "9135O100M000100Y43", "91350100M000100Y44")
    )
    assert length is not None
    assert character is not None
    assert check is not None
    assert length.zh == "统一社会信用代码应有 18 位，这里是 17 位"
    assert length.en == "a unified social credit code has 18 characters, not 17"
    assert character.zh == "统一社会信用代码第 5 位是 'O'，只能是数字或 I、O、S、V、Z 以外的大写字母"
    assert character.en.startswith("character 5 of the credit code is 'O'; allowed are digits")
    assert check.zh == "统一社会信用代码的校验位（第 18 位）应为 3，这里是 4"
    assert check.en == "check character 18 of the credit code must be 3, not 4"


def test_the_alphabet_is_that_of_the_standard() -> None:
    assert len(ALPHABET) == len(set(ALPHABET)) == 31
    assert set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") - set(ALPHABET) == set("IOSVZ")
    assert list(ALPHABET) == sorted(ALPHABET)


@unhurried
@given(firsts)
def test_the_check_character_completes_the_weighted_sum(first: str) -> None:
    code = first + credit_code.check_character(first)
    total = sum(
        weight * ALPHABET.index(character) for weight, character in zip((*PRINTED_WEIGHTS, 1), code, strict=True)
    )
    assert total % 31 == 0
    assert credit_code.problem(code) is None


@unhurried
@given(valid_codes, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_one_changed_character_is_always_found(code: str, at: int, character: str) -> None:
    assume(code[at] != character)
    found = credit_code.problem(code[:at] + character + code[at + 1 :])
    assert found is not None
    assert found.reason == "check"


@unhurried
@given(valid_codes, st.integers(0, 17), st.characters())
def test_a_character_outside_the_alphabet_is_named(code: str, at: int, character: str) -> None:
    assume(character not in ALPHABET)
    assert credit_code.problem(code[:at] + character + code[at + 1 :]) == Problem("character", at + 1, character)


@unhurried
@given(valid_codes, st.integers(0, 16))
def test_two_swapped_neighbours_are_always_found(code: str, at: int) -> None:
    assume(code[at] != code[at + 1])
    found = credit_code.problem(code[:at] + code[at + 1] + code[at] + code[at + 2 :])
    assert found is not None
    assert found.reason == "check"


@unhurried
@given(valid_codes, st.sampled_from(ALPHABET))
def test_the_expected_check_character_makes_the_code_valid(code: str, character: str) -> None:
    found = credit_code.problem(code[:-1] + character)
    if found is None:
        assert character == code[-1]
    else:
        assert found.expected is not None
        assert credit_code.problem(code[:-1] + found.expected) is None


@unhurried
@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    found = credit_code.problem(text)
    assert found is None or (found.zh and found.en)


@pytest.mark.parametrize("first", ["", "1" * 16, "1" * 18, "O" + "1" * 16, "a" * 17])
def test_there_is_no_check_character_for_what_is_no_beginning(first: str) -> None:
    with pytest.raises(ValueError, match="17 characters"):
        credit_code.check_character(first)
