"""Facts as text: nothing is lost, equal facts are equal text, and what says nothing is left out."""

from __future__ import annotations

from datetime import date

from pydantic import TypeAdapter

from services.manifest import ties
from services.manifest.neighbourhood import Facts, Grant, GrantKind
from services.manifest.ties import index_key
from services.registry.store.facts import written
from services.registry.store.offers import offered
from tests import world

FACTS = TypeAdapter(Facts)
GRANT = TypeAdapter(Grant)
EXEMPLARY = world.load(world.RULES / "exemplary.yaml")


def test_every_offer_of_the_exemplary_apps_is_read_back_as_it_was() -> None:
    for side in EXEMPLARY.values():
        for document in (side["app"], *side["around"]):
            for offer in ties.offers(world.manifest(document)):
                assert FACTS.validate_json(written(offer.facts)) == offer.facts


def test_what_is_undeclared_is_left_out_and_none_is_not() -> None:
    assert written(Facts()) == "{}"
    assert written(Facts(name="示例", consolidation="none", regions=("33",))) == (
        '{"consolidation":"none","name":"示例","regions":["33"]}'
    )


def test_a_grant_is_read_back_as_it_was() -> None:
    day = date(2025, 1, 6)
    grant = Grant("g7", "app", GrantKind.APPROVAL, "示例局", "示例批文", day, day, item="code=i-1")
    assert GRANT.validate_json(written(grant)) == grant
    assert "until_on" not in written(grant)


def test_a_key_fits_into_an_index_whatever_its_length() -> None:
    assert index_key("item:name=受灾人口数") == "item:name=受灾人口数"
    long = "item:name=" + "长" * 400
    assert index_key(long) != index_key(f"{long}长")
    assert max(len(index_key(long).encode()), len(index_key("x" * 1000))) <= 1000


def test_places_tell_in_how_many_divisions_a_tie_is_offered() -> None:
    document = {"id": "app", "regions": ["33", "34"], "asks": [{"code": "i-1"}], "role": "provincial_platform"}
    rows = offered(world.manifest(document), 100)
    assert {(row.tie, row.division, row.places) for row in rows} == {
        (tie, division, 2) for tie in ("item:code=i-1", "platform:33", "platform:34") for division in ("33", "34")
    }
