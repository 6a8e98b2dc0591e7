"""Saying what is lacking: a declaration, an answer of the registry, or a person's judgement."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from services.audit.law import Lack, LackKind
from services.manifest import fields
from services.text import Text

if TYPE_CHECKING:
    from services.manifest.model import Imposer
    from services.manifest.neighbourhood import Neighbour


@lru_cache(1 << 12)
def undeclared(place: str) -> Lack:
    """Say that the field at a JSON pointer is not declared."""
    what = fields.title(place)
    return Lack(
        LackKind.DECLARATION,
        place,
        Text(f"未声明“{what.zh}”", f"“{what.en}” is not declared"),
        Text(f"在 {place} 如实声明；确实没有的写明没有", f"declare it at {place}; where there is none, say so"),
    )


def neighbour_undeclared(place: str, neighbour: Neighbour, what: Text) -> Lack:
    """Say that another app leaves undeclared what the rule must know of it; `place` is where our manifest meets it."""
    told = told_name(neighbour)
    return Lack(
        LackKind.DECLARATION,
        place,
        Text(f"{told.zh}未声明{what.zh}", f"{told.en} does not declare {what.en}"),
        Text(
            f"请应用 {neighbour.app} 的主办单位在登记中补充声明",
            f"ask the sponsor of {neighbour.app} to declare it in the registry",
        ),
        (neighbour.app,),
    )


def registry_silent(place: str) -> Lack:
    """Say that the registry gave no answer to what the rule needs."""
    return Lack(
        LackKind.REGISTRY,
        place,
        Text("未取得登记系统的答复", "the registry gave no answer"),
        Text("连接登记系统后重新检查", "check again with the registry at hand"),
    )


def registry_lacks(place: str, what: Text, remedy: Text, neighbours: tuple[str, ...] = ()) -> Lack:
    """Say that the registry answered, but does not know what the rule needs."""
    return Lack(LackKind.REGISTRY, place, what, remedy, neighbours)


def ask_person(place: str, question: Text, remedy: Text, neighbours: tuple[str, ...] = ()) -> Lack:
    """Put a question to a person that a machine cannot judge."""
    return Lack(LackKind.PERSON, place, question, remedy, neighbours)


def told_name(neighbour: Neighbour) -> Text:
    """Name another app in a sentence: its name where declared, its id, its sponsor and stage."""
    facts = neighbour.facts
    stage = Text("阶段未声明", "stage undeclared") if facts.stage is None else Text(facts.stage.zh, facts.stage.en)
    about = [] if facts.sponsor is None else [facts.sponsor]
    zh, en = "，".join([*about, stage.zh]), ", ".join([*about, stage.en])
    if facts.name is None:
        return Text(f"{neighbour.app}〔{zh}〕", f"{neighbour.app} ({en})")
    return Text(f"{facts.name}（{neighbour.app}）〔{zh}〕", f"{facts.name} ({neighbour.app}; {en})")


def imposer(imposed_by: Imposer | None) -> Text:
    """Name who imposes a demand, for the beginning of a sentence; often it is not the sponsor."""
    if imposed_by is None or (imposed_by.name is None and imposed_by.level is None):
        return Text("（提出单位未声明）", "(whoever imposes it is not declared) ")
    level = imposed_by.level
    unit = Text("某单位", "a unit") if level is None else Text(f"{level.zh}某单位", f"a unit of {level.en} level")
    if imposed_by.name is not None:
        unit = Text(imposed_by.name, imposed_by.name)
    if imposed_by.document is None:
        return Text(unit.zh, f"{unit.en} ")
    return Text(f"{unit.zh}以《{imposed_by.document.strip('《》')}》", f"{unit.en}, by {imposed_by.document}, ")
