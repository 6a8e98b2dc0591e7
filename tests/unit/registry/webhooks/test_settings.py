"""Settings of webhooks and of durable work: each is documented, and wrong ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from services.jobs import JobsSettings
from services.jobs.jobs import url_of
from services.registry.webhooks.settings import WebhooksSettings

PAGE = Path(__file__).parents[4] / "docs" / "webhooks.md"


@pytest.mark.parametrize("settings", [JobsSettings, WebhooksSettings])
def test_each_is_documented(settings: type[BaseModel]) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in settings.model_fields if f"`{name.upper()}`" not in page] == []


@pytest.mark.parametrize("given", [{"allowed_networks": ["everything"]}, {"timeout_s": 0}, {"retry_delays_s": [-1]}])
def test_wrong_ones_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WebhooksSettings.model_validate(given)


@pytest.mark.parametrize(
    ("data", "work"),
    [
        ("sqlite:///registry.db", "sqlite:///registry-jobs.db"),
        ("sqlite:////var/lib/govapp/data", "sqlite:////var/lib/govapp/data-jobs"),
        ("postgresql://db.example/registry", "postgresql://db.example/registry"),
    ],
)
def test_the_work_is_kept_beside_the_data(data: str, work: str) -> None:
    assert url_of(JobsSettings(), data) == work


def test_or_where_the_settings_say() -> None:
    given = JobsSettings.model_validate({"database_url": "postgresql://db.example/jobs"})
    assert url_of(given, "sqlite:///registry.db") == "postgresql://db.example/jobs"
