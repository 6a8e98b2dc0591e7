"""Explanations: a provision with its text, strength, days and numbers, and the pages of the rules that check it."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from services.audit.formats.prose import flowing, word
from services.audit.regulation import LAW
from services.audit.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Instrument, Provision, Rule
    from services.text import Lang

_NEAR = 3


def labels() -> tuple[str, ...]:
    """Give everything that can be explained: labels of provisions, labels and ids of rules."""
    return tuple(dict.fromkeys([*LAW.provisions, *(rule.label for rule in RULES), *(rule.id for rule in RULES)]))


def near(label: str) -> tuple[str, ...]:
    """Give what a label that does not exist may mean, the likeliest first."""
    return tuple(get_close_matches(label.casefold(), labels(), _NEAR, 0.5))


def explain(label: str, lang: Lang) -> str:
    """Explain a provision by its label, or a rule by its label or id together with its provision.

    Raises:
        KeyError: there is neither a provision nor a rule of that name.
    """
    rules = [rule for rule in RULES if label in {rule.provision, rule.label, rule.id}]
    provision = LAW.provisions[label if label in LAW.provisions else rules[0].provision if rules else label]
    parts = ["\n".join(_provision(provision, lang)), *(_rule(rule, lang) for rule in rules)]
    return "\n\n".join(parts) + "\n"


def table(lang: Lang) -> list[tuple[str, str, str, str]]:
    """Give label, id, strength of the provision and title of every rule, in the order of the law."""
    return [
        (rule.label, rule.id, _strength(LAW.provisions[rule.provision], lang), rule.title.in_(lang)) for rule in RULES
    ]


def _provision(provision: Provision, lang: Lang) -> Iterator[str]:
    instrument = _instrument(provision)
    yield f"{provision.label}  {word(provision.strength).in_(lang)}"
    yield f"“{provision.text.zh}”"
    if lang == "en":
        yield f"“{provision.text.en}” (our translation)"
    yield ""
    if lang == "zh":
        end = f" 至 {provision.until_on}" if provision.until_on else " 起"
        yield f"出处：《{instrument.title.zh}》，由{instrument.interpreter}解释"
        yield f"施行：{provision.from_on}{end}"
    else:
        end = f" to {provision.until_on}" if provision.until_on else " on"
        yield f"Source: 《{instrument.title.zh}》 ({instrument.title.en}), interpreted by {instrument.interpreter}"
        yield f"In force: from {provision.from_on}{end}"
    for number in instrument.numbers:
        if number.provision == provision.label:
            said = "数值：" if lang == "zh" else "Number: "
            days = f"{number.from_on} – {number.until_on or ''}".rstrip()
            yield f"{said}{number.name} = {number.value} ({days})"


def _rule(rule: Rule, lang: Lang) -> str:
    return f"{rule.label}  {rule.title.in_(lang)}  [{rule.id}]\n\n{flowing(rule.page.in_(lang))}"


def _strength(provision: Provision, lang: Lang) -> str:
    """Give the strength in a word, without what may lift it."""
    return word(provision.strength).in_(lang).partition("（" if lang == "zh" else ":")[0]


def _instrument(provision: Provision) -> Instrument:
    return next(each for each in LAW.instruments if provision in each.provisions)
