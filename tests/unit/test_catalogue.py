"""The sample catalogue shows what it is meant to show: all of it in one registry, on the day that `make run` judges."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pytest

from examples import run
from services.audit.engine import report
from services.audit.law import LackKind, Outcome, Report, Verdict
from services.audit.regulation import LAW
from services.audit.rules import RULES
from services.manifest import ties
from services.manifest.neighbourhood import Grant, GrantKind
from tests import world

CATALOGUE = run.read_catalogue()
APPS = {document["id"]: world.manifest(document) for document in CATALOGUE.manifests}


def granted(number: int, document: run.Document) -> Grant:
    """Make a grant as the registry tells it, from one as it is recorded."""
    basis = " ".join(document["basis"].values())
    told = {**document, "id": f"g{number}", "granter": document["granter"]["name"], "basis": basis}
    return world.grant(told, document["app"])


GRANTS = tuple(granted(i, document) for i, document in enumerate(CATALOGUE.grants, start=1))


class Shown(NamedTuple):
    outcome: Outcome
    broken: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    exempt: tuple[str, ...] = ()


APPROVE, REFER, RETURN = Outcome.APPROVE, Outcome.REFER, Outcome.RETURN

# What each fictional app is in the catalogue for; the comment at the top of its file says the same in words.
FICTIONAL = {
    "example-city-appraisal": Shown(RETURN, broken=("14.4",)),
    "example-city-citizens": Shown(APPROVE),
    "example-city-duty": Shown(APPROVE),
    "example-city-housing": Shown(RETURN, broken=("13.6",)),
    "example-city-inspection": Shown(REFER, asked=("14.4",)),
    "example-city-learning": Shown(RETURN, broken=("13.7b", "13.7c")),
    "example-city-proposal": Shown(APPROVE),
    "example-city-rescue": Shown(APPROVE, exempt=("13.7a",)),
    "example-city-residents": Shown(RETURN, broken=("12.7",)),
    "example-city-volunteers": Shown(APPROVE),
    "example-county-account": Shown(Outcome.OUT_OF_SCOPE),
    "example-county-care": Shown(REFER, asked=("13.6",)),
    "example-county-disaster": Shown(RETURN, broken=("12.6", "12.7", "12.10", "12.11")),
    "example-county-errands": Shown(RETURN, broken=("13.1", "13.2", "13.3")),
    "example-county-flood": Shown(APPROVE, exempt=("12.6",)),
    "example-county-forest": Shown(APPROVE, exempt=("14.6",)),
    "example-county-orchards": Shown(RETURN, broken=("12.11",)),
    "example-county-overdue": Shown(RETURN, broken=("12.4",)),
    "example-county-proposal": Shown(REFER, asked=("13.1",)),
    "example-county-renamed": Shown(REFER, asked=("13.7a", "13.7b")),
    "example-county-retired": Shown(Outcome.NOT_RUNNING),
    "example-county-roads": Shown(REFER, asked=("12.5",)),
    "example-federation-events": Shown(REFER, asked=("12.1", "12.2", "12.3")),
    "example-federation-members": Shown(REFER, asked=("12.1", "12.2", "12.3")),
    "example-fifth-ministry-care": Shown(RETURN, broken=("13.4",)),
    "example-first-ministry-reports": Shown(RETURN, broken=("12.1",)),
    "example-first-ministry-visits": Shown(RETURN, broken=("12.1", "12.3")),
    "example-fourth-ministry-figures": Shown(RETURN, broken=("12.2",)),
    "example-managed-bureau-branch": Shown(RETURN, broken=("13.5",)),
    "example-managed-office-water": Shown(APPROVE),
    "example-province-housing": Shown(APPROVE),
    "example-province-platform": Shown(APPROVE),
    "example-second-ministry-hub": Shown(APPROVE, exempt=("12.1",)),
    "example-second-ministry-survey": Shown(APPROVE, exempt=("12.1",)),
    "example-sixth-ministry-schools": Shown(APPROVE),
    "example-third-ministry-flood": Shown(APPROVE, exempt=("12.1",)),
    "example-third-ministry-service": Shown(APPROVE, exempt=("12.1",)),
    "example-undeclared": Shown(REFER),
}


def judged(app: str) -> Report:
    seen = world.neighbourhood(APPS[app], APPS.values(), GRANTS)
    return report(APPS[app], seen, LAW, date.fromisoformat(run.ON))


def with_verdict(told: Report, verdict: Verdict) -> tuple[str, ...]:
    return tuple(ruling.label for ruling in told.rulings if ruling.verdict == verdict)


def asked(told: Report) -> tuple[str, ...]:
    return tuple(
        ruling.label
        for ruling in told.rulings
        if ruling.verdict == Verdict.UNDETERMINED and any(lack.kind == LackKind.PERSON for lack in ruling.lacks)
    )


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    return {app: judged(app) for app in APPS}


def test_no_two_manifests_have_one_id() -> None:
    assert len(APPS) == len(CATALOGUE.manifests)


def test_a_file_is_named_by_the_app_in_it() -> None:
    files = {path.stem: world.load(path)["id"] for path in (run.EXAMPLES / "catalogue").glob("*.yaml")}
    assert files == {name: name for name in files}
    assert files.keys() == FICTIONAL.keys()


@pytest.mark.parametrize("app", CATALOGUE.cases)
def test_a_published_case_is_judged_in_the_catalogue_as_by_itself(app: str, reports: dict[str, Report]) -> None:
    case, told = CATALOGUE.cases[app], reports[app]
    broken = with_verdict(told, Verdict.VIOLATION)
    assert (set(broken), set(asked(told))) == (set(case["breaks"]), set(case["asks"]))
    assert (told.outcome == Outcome.OUT_OF_SCOPE) is case["out_of_scope"]


@pytest.mark.parametrize("app", FICTIONAL)
def test_a_fictional_app_shows_what_it_is_there_for(app: str, reports: dict[str, Report]) -> None:
    told = reports[app]
    broken, exempt = with_verdict(told, Verdict.VIOLATION), with_verdict(told, Verdict.EXEMPT)
    assert Shown(told.outcome, broken, asked(told), exempt) == FICTIONAL[app]


@pytest.mark.parametrize("label", [rule.label for rule in RULES])
def test_every_rule_has_something_to_bite_on(label: str, reports: dict[str, Report]) -> None:
    assert any(label in (*with_verdict(told, Verdict.VIOLATION), *asked(told)) for told in reports.values())


# 14.5 is satisfied only by using no such metric, and then it is not applicable.
@pytest.mark.parametrize("label", [rule.label for rule in RULES if rule.label != "14.5"])
def test_every_rule_has_an_app_that_satisfies_it(label: str, reports: dict[str, Report]) -> None:
    assert any(label in with_verdict(told, Verdict.COMPLIANT) for told in reports.values())


def test_every_outcome_occurs(reports: dict[str, Report]) -> None:
    assert {told.outcome for told in reports.values()} == set(Outcome)


def test_every_verdict_and_every_kind_of_lack_occurs(reports: dict[str, Report]) -> None:
    rulings = [ruling for told in reports.values() for ruling in told.rulings]
    assert {ruling.verdict for ruling in rulings} == set(Verdict)
    assert {lack.kind for ruling in rulings for lack in ruling.lacks} == set(LackKind)


def test_every_kind_of_grant_occurs_and_stands_for_what_is_there() -> None:
    assert {grant.kind for grant in GRANTS} == set(GrantKind)
    for grant in GRANTS:
        app = APPS[grant.app]
        assert grant.provision is None or grant.provision in LAW.provisions
        assert grant.feature is None or grant.feature in {feature.id for feature in app.features or ()}
        assert grant.item is None or grant.item in {ties.item_key(ask) for ask in app.asks or ()}


@pytest.mark.parametrize("app", FICTIONAL)
def test_what_is_fictional_says_so(app: str) -> None:
    manifest = APPS[app]
    assert "示例" in (manifest.name or "")
    for code in (*(manifest.regions or ()), "" if manifest.sponsor is None else manifest.sponsor.division or ""):
        assert code == "" or code.startswith(("98", "99"))
