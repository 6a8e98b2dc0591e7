"""Settings: read from the environment, and wrong ones are refused before anything is opened."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.registry.settings import RegistrySettings
from services.registry.store.database import read_url


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOVAPP_REGISTRY_DATABASE_URL", raising=False)


def test_they_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVAPP_REGISTRY_DATABASE_URL", "postgresql://user:secret@db.example/registry")
    monkeypatch.setenv("GOVAPP_REGISTRY_COMPETENT_AUTHORITIES", '{"approval": ["示例省发展和改革委员会"]}')
    monkeypatch.setenv("GOVAPP_REGISTRY_WEB__RATE_PER_SECOND", "20")
    settings = RegistrySettings()
    assert settings.competent_authorities == {"approval": {"示例省发展和改革委员会"}}
    assert settings.web.rate_per_second == 20
    assert str(settings.database()) == "postgresql+psycopg://user:***@db.example/registry"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y", "registry.db", ""])
def test_a_url_that_names_no_usable_database_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"SQLite needs a file|is neither|cannot be read"):
        read_url(url)
    with pytest.raises(ValidationError):
        RegistrySettings.model_validate({"database_url": url})


def test_an_unknown_setting_is_refused() -> None:
    with pytest.raises(ValidationError):
        RegistrySettings.model_validate({"database": "sqlite:///x.db"})


def test_every_setting_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "registry.md").read_text(encoding="utf-8")
    names = {name.upper() for name in RegistrySettings.model_fields} - {"WEB"}
    assert sorted(name for name in names if f"`{name}`" not in page) == []
