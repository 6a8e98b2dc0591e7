"""`govapp sweep` and the index, with both services running as processes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, NamedTuple

import httpx
import orjson
import pytest

from benchmarks import nation
from tests.integration.registry.following import DEADLINE_S, until
from tests.processes import GOVAPP, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPS = 30
ON = nation.JUDGED_ON.isoformat()


class Services(NamedTuple):
    """Where both services listen."""

    registry: str
    audit: str


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
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
            yield Services(url, address)


@pytest.fixture(scope="module")
def audit(services: Services) -> str:
    return services.audit


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


def test_what_changes_is_written_until_the_sweep_ends(services: Services, tmp_path: Path) -> None:
    changed, written = nation.app(7), tmp_path / "changes.ndjson"
    command = [GOVAPP, "sweep", "--audit", services.audit, "--follow", "--lang", "en", "--output", str(written)]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as following:
        try:
            following_ones = {"state": "following", "limit": "1"}
            until(lambda: bool(listed(services.audit, following_ones)))
            (made,) = listed(services.audit, following_ones)
            with httpx.Client(base_url=services.registry, trust_env=False, timeout=60) as client:
                path = f"/v1/apps/{changed.id}"
                tag = client.get(path).headers["ETag"]
                body = {**orjson.loads(changed.manifest), "name": "示例改名"}
                answer = client.put(path, json=body, params={"reason": "示例"}, headers={"If-Match": tag})
                assert answer.status_code == httpx.codes.OK, answer.text
            until(lambda: written.exists() and written.read_bytes().endswith(b"\n"))
            told = orjson.loads(written.read_bytes().splitlines()[0])
            assert (told["app"], told["causes"]) == (changed.id, ["manifest"])
            httpx.post(f"{services.audit}/v1/sweeps/{made['id']}/cancel", trust_env=False).raise_for_status()
            assert following.wait(DEADLINE_S) == 4
            assert following.stderr is not None
            assert b"the sweep was cancelled" in following.stderr.read()
        finally:
            following.kill()


def test_a_sweep_that_does_not_follow_is_not_followed(audit: str) -> None:
    done = orjson.loads(sweep(audit)[1])["sweep"]["id"]
    code, _, said = sweep(audit, "--resume", done, "--follow")
    assert code == 3
    assert f"{done} does not follow the registry" in said
    assert sweep(audit, "--follow")[0] == 3  # it goes with no day


def listed(audit: str, conditions: dict[str, str]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.get(f"{audit}/v1/sweeps", params=conditions, trust_env=False).json()["items"]
    return found
