"""Settings: read from the environment, wrong ones refused, and every one on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from services.audit.index_settings import IndexSettings
from services.audit.settings import AuditSettings
from services.jobs import JobsSettings


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "audit.db"])
def test_a_url_that_names_no_usable_database_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        AuditSettings.model_validate({"database_url": url})


def test_no_secret_is_shown() -> None:
    settings = AuditSettings.model_validate({"database_url": "postgresql://user:secret@db.example/audit"})
    assert "secret" not in repr(settings)
    assert str(settings.database()) == "postgresql+psycopg://user:***@db.example/audit"


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "audit.md").read_text(encoding="utf-8")
    nested: dict[str, type[BaseModel]] = {"INDEX": IndexSettings, "JOBS": JobsSettings}
    names = {name.upper() for name in AuditSettings.model_fields} - {"WEB", *nested}
    names |= {f"{name}__{each.upper()}" for name, model in nested.items() for each in model.model_fields}
    assert sorted(name for name in names if f"`{name}`" not in page) == []
