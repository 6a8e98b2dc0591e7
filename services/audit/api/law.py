"""The law and the rules over HTTP: what is judged, word by word."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from services.audit.law import Instrument, Number, Provision, Rule, Strength
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.text import Text
from services.web import NOT_FOUND, Fault, Problem, operation

router = APIRouter(prefix="/v1", tags=["law"])

_RULES = {rule.id: rule for rule in RULES} | {rule.label: rule for rule in RULES}


class RulePage(BaseModel):
    """One rule: what it checks, of which provision."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="Permanent id, the name of the rule's file.")
    label: str = Field(description="Label of the provision, with a letter where it has several rules.")
    provision: str = Field(description="Label of the provision.")
    title: Text = Field(description="The compliant state.")
    page: Text = Field(description="What is checked and how it is satisfied.")


class ProvisionPage(BaseModel):
    """One provision of the law with its rules and numbers."""

    model_config = ConfigDict(frozen=True)

    instrument: str = Field(description="Id of the instrument.")
    label: str
    text: Text = Field(description="Official text (zh) and our translation (en).")
    strength: Strength
    strength_meaning: Text
    from_on: date = Field(description="First day in force.")
    until_on: date | None = Field(description="Last day in force; null while it has no end.")
    place: str = Field(description="Division code of the area it binds; empty for the whole country.")
    numbers: list[Number]
    rules: list[RulePage]


class InstrumentPage(BaseModel):
    """One legal instrument with its provisions."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: Text
    edition: int
    approved_on: date
    in_force_on: date
    published_on: date
    interpreter: str
    provisions: list[ProvisionPage]


class LawPage(BaseModel):
    """Every instrument that apps are judged against."""

    model_config = ConfigDict(frozen=True)

    version: str = Field(description="Version of the law, as told in every report.")
    instruments: list[InstrumentPage]


@router.get("/rules", summary="全部规则 · Every rule, in the order of the law", **operation("public"))
async def list_rules() -> list[RulePage]:
    """List every rule, in the order of the law."""
    return [_rule_page(rule) for rule in RULES]


@router.get("/rules/{id}", summary="一条规则 · One rule, by id or label", **operation("public", NOT_FOUND))
async def get_rule(
    id: Annotated[str, Path(description="Id such as forced_check_in, or label such as 13.7a.")],
) -> RulePage:
    """Give one rule by its id or label."""
    if id not in _RULES:
        raise _unknown("{id}", Text(f"没有规则 {id}", f"there is no rule {id}"), "/v1/rules")
    return _rule_page(_RULES[id])


@router.get("/law", summary="规定全文 · The law, word by word", **operation("public"))
async def get_law() -> LawPage:
    """Give the law word by word."""
    return LawPage(version=LAW.version, instruments=[_instrument_page(each) for each in LAW.instruments])


@router.get("/law/{label}", summary="一条规定 · One provision", **operation("public", NOT_FOUND))
async def get_provision(label: Annotated[str, Path(description="Permanent label, such as 12.1.")]) -> ProvisionPage:
    """Give one provision with its numbers and rules."""
    for instrument in LAW.instruments:
        for provision in instrument.provisions:
            if provision.label == label:
                return _provision_page(instrument, provision)
    raise _unknown("{label}", Text(f"没有标号为 {label} 的规定", f"there is no provision {label}"), "/v1/law")


def _unknown(place: str, said: Text, listing: str) -> Problem:
    remedy = Text(f"见 {listing} 所列", f"see {listing}")
    return Problem(NOT_FOUND, errors=[Fault(place, said, remedy)])


def _rule_page(rule: Rule) -> RulePage:
    return RulePage(id=rule.id, label=rule.label, provision=rule.provision, title=rule.title, page=rule.page)


def _provision_page(instrument: Instrument, provision: Provision) -> ProvisionPage:
    return ProvisionPage(
        instrument=instrument.id,
        label=provision.label,
        text=provision.text,
        strength=provision.strength,
        strength_meaning=Text(provision.strength.zh, provision.strength.en),
        from_on=provision.from_on,
        until_on=provision.until_on,
        place=provision.place,
        numbers=[each for each in instrument.numbers if each.provision == provision.label],
        rules=[_rule_page(rule) for rule in RULES if rule.provision == provision.label],
    )


def _instrument_page(instrument: Instrument) -> InstrumentPage:
    return InstrumentPage(
        id=instrument.id,
        title=instrument.title,
        edition=instrument.edition,
        approved_on=instrument.approved_on,
        in_force_on=instrument.in_force_on,
        published_on=instrument.published_on,
        interpreter=instrument.interpreter,
        provisions=[_provision_page(instrument, each) for each in instrument.provisions],
    )
