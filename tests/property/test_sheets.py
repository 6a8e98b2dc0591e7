"""What is written as a file is read as it was, whatever it says, in every form and both languages."""

from __future__ import annotations

import io
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.manifest.model import Manifest, canonical
from services.registry import sheets
from services.registry.sheets import Form, Registered
from services.text import Lang
from tests.property.any_manifests import manifests
from tests.property.strategies import World, worlds

READ = [form for form in Form if form.is_read]
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def _read_back(data: bytes) -> dict[str | None, Manifest | None]:
    with sheets.opened(io.BytesIO(data)) as file:
        entries = list(file.entries())
        assert not file.notes
        assert not file.unmentioned
    assert [each.problems for each in entries] == [()] * len(entries)
    return {each.id: each.manifest for each in entries}


@pytest.mark.parametrize(("form", "lang"), [*product(READ, ("zh",)), (Form.XLSX, "en"), (Form.CSV, "en")])
def test_any_manifests_come_back_as_they_went(form: Form, lang: Lang) -> None:
    @QUICK
    @given(st.lists(manifests(), min_size=1, max_size=3, unique_by=lambda manifest: manifest.id))
    def check(apps: list[Manifest]) -> None:
        data = b"".join(sheets.written([Registered(canonical(app)) for app in apps], form, lang))
        found = _read_back(data)
        for app in apps:
            read = found.pop(app.id)
            assert read is not None
            assert canonical(read) == canonical(app)
        assert not found

    check()


@QUICK
@given(worlds(), st.sampled_from(READ))
def test_manifests_of_the_worlds_that_are_judged_come_back(world: World, form: Form) -> None:
    app = world.manifest()
    assert _read_back(b"".join(sheets.written([Registered(canonical(app))], form))) == {app.id: app}


@QUICK
@given(manifests(app="one"), st.sampled_from(READ))
def test_the_same_apps_give_the_same_bytes(app: Manifest, form: Form) -> None:
    apps = [Registered(canonical(app), 5)]
    assert b"".join(sheets.written(apps, form)) == b"".join(sheets.written(apps, form))
