"""Both services, as real processes, do what the committed OpenAPI documents say, whatever they are sent."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.schemas import BaseSchema

from services.audit import signing
from tests.processes import serving
from tests.workflow import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = Path(__file__).parents[2] / "openapi"

# 428 is how a missing If-Match is told, and valid-looking data can still contradict what is registered (404, 409, 412,
# 422) or ask a registry for an app it does not have: schemathesis is told so, so that every one of its checks can run.
CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "304", "400", "401", "403", "404", "409", "412", "422", "428", "503"]
            },
            "missing_required_header": {"expected-statuses": ["400", "401", "403", "406", "415", "422", "428"]},
            "negative_data_rejection": {
                "expected-statuses": [
                    "400",
                    "401",
                    "403",
                    "404",
                    "405",
                    "409",
                    "412",
                    "413",
                    "414",
                    "415",
                    "422",
                    "428",
                ]
            },
        }
    }
)

# Files travel as they are, whatever they are called.
for files in (
    "application/ofd",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/x-ndjson",
    "application/zip",
    "image/jpeg",
    "image/png",
    "text/csv",
):
    schemathesis.serializer.alias(files, "application/octet-stream")


def document(name: str) -> BaseSchema:
    return schemathesis.openapi.from_dict(orjson.loads((DOCUMENTS / f"{name}.json").read_bytes()), config=CONFIG)


MOST_WAIT_S = 25
"""The longest wait that the registry offers."""

REGISTRY, AUDIT = document("registry"), document("audit")
THOROUGHLY = settings(
    max_examples=int(os.environ.get("GOVAPP_CONTRACT_EXAMPLES", "10")),
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("registry")
    environment = {"GOVAPP_REGISTRY_DATABASE_URL": f"sqlite:///{folder}/registry.db"}
    with serving("registry", environment, folder / "registry.log") as url:
        yield url


@pytest.fixture(scope="module")
def audit(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("audit")
    signing.create(folder / "keys.json")
    with serving(
        "audit", environment(f"sqlite:///{folder}/audit.db", registry, folder / "keys.json"), folder / "log"
    ) as url:
        yield url


@REGISTRY.parametrize()
@THOROUGHLY
def test_the_registry_keeps_its_contract(case: schemathesis.Case[Any], registry: str) -> None:
    # A long poll may wait as long as it is asked to; nothing is learnt by waiting with it.
    with suppress(TypeError, ValueError):
        if 0 < float(case.query.get("wait_s", "")) <= MOST_WAIT_S:
            case.query["wait_s"] = 0
    case.call_and_validate(base_url=registry)


@AUDIT.parametrize()
@THOROUGHLY
def test_the_audit_keeps_its_contract(case: schemathesis.Case[Any], audit: str) -> None:
    case.call_and_validate(base_url=audit)
