"""The registry in this process, on each database: a client that speaks HTTP to it, and the store below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from services.registry.main import create_service
from services.registry.settings import RegistrySettings
from tests.integration.registry.clerk import Clerk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.registry.store.database import Database


@pytest.fixture(scope="module")
def settings(database_url: str) -> RegistrySettings:
    return RegistrySettings.model_validate({"database_url": database_url})


@pytest.fixture(scope="module")
def http(settings: RegistrySettings) -> Iterator[TestClient]:
    with TestClient(create_service(settings), base_url="http://registry.test") as client:
        yield client


@pytest.fixture
def clerk(http: TestClient) -> Clerk:
    return Clerk(http)


@pytest.fixture(scope="module")
def database(settings: RegistrySettings) -> Iterator[Database]:
    database = settings.database()
    yield database
    database.close()
