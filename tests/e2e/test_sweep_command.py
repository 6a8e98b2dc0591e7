"""`govapp sweep` and the index, with both services running as processes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import httpx
import orjson
import pytest

from benchmarks import nation
from tests.integration.registry.following import until
from tests.processes import GOVAPP, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

APPS = 30
ON = nation.JUDGED_ON.isoformat()


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("services")
    registry = {"GOVAPP_REGISTRY_DATABASE_URL": f"sqlite:///{folder / 'registry.db'}"}
    with serving("registry", registry, folder / "registry.log") as url:
        with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
            for each in nation.apps(APPS):
                put = client.put(
                    f"/v1/apps/{each.id}", json=orjson.loads(each.manifest), headers={"If-None-Match": "*"}
                )
                assert put.status_code == httpx.codes.CREATED, put.text
        environment = {
            "GOVAPP_AUDIT_DATABASE_URL": f"sqlite:///{folder / 'audit.db'}",
            "GOVAPP_AUDIT_REGISTRY_URL": url,
            "GOVAPP_AUDIT_JOBS__RUNS": "true",
            "GOVAPP_AUDIT_JOBS__POLL_S": "0.05",
            "GOVAPP_AUDIT_INDEX__RUNS": "true",
            "GOVAPP_AUDIT_INDEX__WAIT_S": "0.2",
        }
        with serving("audit", environment, folder / "audit.log") as address:
            yield address


def sweep(audit: str, *arguments: str) -> tuple[int, bytes, str]:
    command = [GOVAPP, "sweep", "--audit", audit, "--on", ON, "--lang", "en", *arguments]
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_sweep_is_ordered_watched_and_counted(audit: str) -> None:
    code, written, _ = sweep(audit)
    assert code == 0
    told = orjson.loads(written)
    assert (told["sweep"]["state"], told["sweep"]["done"]) == ("done", APPS)
    assert {each["apps"] for each in told["statistics"]["groups"]} == {APPS}
    again = sweep(audit, "--resume", told["sweep"]["id"])
    assert (again[0], orjson.loads(again[1])["sweep"]["id"]) == (0, told["sweep"]["id"])


def test_conditions_are_the_registrys(audit: str) -> None:
    app = nation.app(7).id
    code, written, _ = sweep(audit, "--only", f"id={app}")
    assert (code, orjson.loads(written)["sweep"]["total"]) == (0, 1)
    for wrong in ("no_such=x", "stage=no_such", "sector"):
        code, _, said = sweep(audit, "--only", wrong)
        assert code == 3
        assert wrong.partition("=")[0] in said


def test_a_service_that_is_not_there_is_told() -> None:
    code, _, said = sweep("http://127.0.0.1:9")
    assert code == 3
    assert "no answer" in said


def test_the_index_answers_and_tells_how_it_stands(audit: str) -> None:
    with httpx.Client(base_url=audit, trust_env=False, timeout=60) as client:
        until(lambda: client.get("/v1/index").json()["state"] == "following")
        asked = {"app": nation.app(3).id, "on": ON, "max_lag_s": "60"}
        index, live = (client.post("/v1/checks", params={**asked, "freshness": each}) for each in ("index", "live"))
        assert index.content == live.content
        assert [each.headers["Freshness"] for each in (index, live)] == ["index", "live"]
        assert index.headers["Registry-Revision"] == live.headers["Registry-Revision"]
        assert 0 <= float(index.headers["Index-Lag-Seconds"]) <= 60
        assert "Index-Lag-Seconds" not in live.headers
        metrics = client.get("/metrics").text
        assert f"govapp_index_revision {index.headers['Registry-Revision']}.0" in metrics
