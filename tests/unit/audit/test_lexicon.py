"""The lexicon hears renamed functions, and does not cry wolf."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.audit.readings import wording
from services.audit.regulation import lexicon
from services.audit.rules import RULES
from tests import world

HEARD = world.load(Path(__file__).parents[2] / "lexicon.yaml")
ALARMS = [(label, text, quoted) for label, told in HEARD.items() for text, quoted in told["alarms"].items()]
FALSE_ALARMS = [(label, text) for label, told in HEARD.items() for text in told["false_alarms"]]
EVERY_ENTRY = pytest.mark.parametrize("label", lexicon.LEXICON)
GRAMMAR = (
    "DENIALS",
    "CONDITIONS",
    "REVERSALS",
    "SUPPOSITIONS",
    "CONSEQUENCES",
    "ABUSES",
    "BETWEEN",
    "AFTERWARDS",
)
TRIED = settings(max_examples=200, derandomize=True, database=None, deadline=None)


@pytest.mark.parametrize(("label", "text", "quoted"), ALARMS, ids=[f"{label}-{text}" for label, text, _ in ALARMS])
def test_alarm(label: str, text: str, quoted: list[str]) -> None:
    assert wording.words(label, text) == tuple(quoted)


@pytest.mark.parametrize(("label", "text"), FALSE_ALARMS, ids=[f"{label}-{text}" for label, text in FALSE_ALARMS])
def test_false_alarm(label: str, text: str) -> None:
    assert wording.words(label, text) == ()


def test_every_entry_belongs_to_a_rule_and_has_its_tests() -> None:
    assert set(lexicon.LEXICON) <= {rule.label for rule in RULES}
    assert set(lexicon.LEXICON) == set(HEARD)


@EVERY_ENTRY
def test_every_word_is_heard(label: str) -> None:
    for word in lexicon.LEXICON[label].says:
        assert wording.words(label, f"现在{word}。") == (word,)
        assert wording.words(label, " ".join(word)) == (" ".join(word),)
        assert wording.words(label, f"本应用无需{word}。") == ()


@EVERY_ENTRY
def test_every_harmless_phrase_silences_a_word(label: str) -> None:
    entry = lexicon.LEXICON[label]
    for phrase in entry.unless:
        assert any(word in phrase for word in entry.says), phrase
        assert wording.words(label, f"现在{phrase}。") == ()


@EVERY_ENTRY
def test_words_are_folded_and_long_enough(label: str) -> None:
    entry = lexicon.LEXICON[label]
    for word in (*entry.says, *entry.unless):
        assert len(word) >= 2
        assert word == unicodedata.normalize("NFKC", word)
        assert not any(char.isspace() for char in word)
    assert len({*entry.says, *entry.unless}) == len(entry.says) + len(entry.unless)


@EVERY_ENTRY
def test_a_longer_word_is_listed_only_where_it_tells_more(label: str) -> None:
    """A word that holds another one is redundant, unless a harmless phrase would swallow that one."""
    entry = lexicon.LEXICON[label]
    for word in entry.says:
        inner = [other for other in entry.says if other != word and word.startswith(other)]
        assert not inner or any(phrase in word for phrase in entry.unless), (word, inner)


@pytest.mark.parametrize("name", GRAMMAR)
def test_the_words_of_denial_are_listed_once(name: str) -> None:
    words = getattr(lexicon, name)
    assert words
    assert len(set(words)) == len(words)
    assert all(word == unicodedata.normalize("NFKC", word) for word in words)


def test_a_label_without_an_entry_hears_nothing() -> None:
    assert wording.words("12.1", "每日打卡，积分排名") == ()


@pytest.mark.parametrize(
    "part", ["打卡", "不", "不得", "无需", "、", "打卡、", "不打卡", "取消打卡、", "打 ", "　", "面积分"]
)
def test_the_longest_text_is_read_to_its_end(part: str) -> None:
    text = (part * 4000)[:3990] + "。每日一报"
    assert wording.words("13.7a", text)[-1] == "每日一报"


WORDS = st.sampled_from(
    sorted(
        {word for entry in lexicon.LEXICON.values() for word in (*entry.says, *entry.unless)}
        | {word for name in GRAMMAR for word in getattr(lexicon, name)}
    )
)
TEXTS = st.lists(WORDS | st.text(max_size=3) | st.sampled_from(["，", "。", " ", "\u200b"]), max_size=20).map("".join)


@TRIED
@given(st.sampled_from(sorted(lexicon.LEXICON)), TEXTS)
def test_what_is_quoted_stands_in_the_text(label: str, text: str) -> None:
    spaced = " ".join(text.split())
    heard = wording.words(label, text)
    assert heard == wording.words(label, text)
    for quoted in heard:
        assert quoted in spaced


@TRIED
@given(
    st.sampled_from(sorted(lexicon.LEXICON)),
    TEXTS,
    st.sampled_from([" ", "\n", "　", "\u200b", "\ufe0f", "\u0336", "·"]),
)
def test_nothing_slipped_between_characters_silences_a_word(label: str, text: str, gap: str) -> None:
    assert bool(wording.words(label, text)) == bool(wording.words(label, gap.join(text)))
