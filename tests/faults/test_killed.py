"""kill -9 of the service under parallel writes: what was acknowledged is there, once, and the feed goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.registry.main import migrate
from services.registry.settings import RegistrySettings
from tests.faults.killable import Killable
from tests.faults.load import Load

if TYPE_CHECKING:
    from pathlib import Path


def test_a_service_that_is_killed_goes_on_where_it_was(fresh_database_url: str, tmp_path: Path) -> None:
    migrate(RegistrySettings.model_validate({"database_url": fresh_database_url}))
    environment = {"GOVAPP_REGISTRY_DATABASE_URL": fresh_database_url, "GOVAPP_REGISTRY_JOBS__RUNS": "false"}
    with Killable(environment, tmp_path / "log") as registry:

        def kill() -> None:
            registry.kill()
            registry.start()

        load = Load(registry.url)
        load.run(kill)
        load.check()
