"""Workers of a sweep are killed: it ends without a hand being lent, and as if nobody had been."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from benchmarks import nation
from benchmarks.registry import loading
from services.audit.registry_client import RegistryOptions
from services.audit.registry_streams import RegistryStreams
from services.audit.regulation import LAW
from services.audit.store import following_sweeps, sweep_results
from services.audit.store import sweeps as store
from services.audit.store.database import Database as Audit
from services.audit.store.sweep_results import Wanted
from services.audit.sweep_orders import Order, prepare
from services.audit.sweeping import Sweeping
from services.database.doors import commit
from services.jobs import Job
from services.registry.store.database import Database
from tests.conftest import ENGINES, new_database
from tests.faults.killable import Killable
from tests.integration.registry.following import until
from tests.processes import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.audit.sweep_tables import Sweep

APPS = 2500
ON = nation.JUDGED_ON.isoformat()
Found = dict[str, tuple[str, str, str]]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with stocked_registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@contextmanager
def stocked_registry(folder: Path) -> Iterator[str]:
    """Start a registry that holds a nation."""
    url = f"sqlite:///{folder / 'registry.db'}"
    database = Database(url)
    database.migrate()
    database.close()
    loading.load(url, APPS)
    with serving("registry", {"GOVAPP_REGISTRY_DATABASE_URL": url}, folder / "log") as address:
        yield address


class Workers:
    """Some processes of the audit on one database, and what they have kept there."""

    def __init__(self, url: str, registry: str, folder: Path, count: int) -> None:
        environment = {
            "GOVAPP_AUDIT_DATABASE_URL": url,
            "GOVAPP_AUDIT_REGISTRY_URL": registry,
            "GOVAPP_AUDIT_MIGRATES_ON_START": "true",
            "GOVAPP_AUDIT_JOBS__RUNS": "true",
            "GOVAPP_AUDIT_JOBS__POLL_S": "0.05",
            "GOVAPP_AUDIT_JOBS__TAKEOVER_S": "0.2",
        }
        self.all = [Killable(environment, folder / f"{number}.log", "audit") for number in range(count)]
        self.database = Audit(url)

    def begin(self, **asked: Any) -> str:  # noqa: ANN401 - as the operation takes it
        """Order a sweep of everything, on the day of the nation unless something else is asked."""
        answer = httpx.post(f"{self.all[0].url}/v1/sweeps", json=asked or {"on": ON}, timeout=60, trust_env=False)
        assert answer.status_code == 201, answer.text
        id: str = answer.json()["id"]
        return id

    def done(self, id: str) -> int:
        """Tell how many apps have a result."""
        return store.find(self.database, id)[1].cases

    def await_end(self, id: str) -> Found:
        """Wait until the sweep is done, and give all that it found."""
        until(lambda: store.find(self.database, id)[0].state != "running")
        return found_by(self.database, id)


@pytest.fixture
def started(registry: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    with ExitStack() as stack:

        def start(engine: str, count: int, before: str = registry) -> Workers:
            url = stack.enter_context(new_database(engine, tmp_path, request))
            folder = tmp_path / str(count)
            folder.mkdir(exist_ok=True)
            workers = Workers(url, before, folder, count)
            stack.callback(workers.database.close)
            for each in workers.all:
                stack.enter_context(each)
            return workers

        yield start


@pytest.fixture(scope="module")
def undisturbed(registry: str, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What a sweep finds that is done here, one part after the other."""
    database = Audit(f"sqlite:///{tmp_path_factory.mktemp('undisturbed') / 'audit.db'}")
    database.migrate()
    streams = partial(RegistryStreams, RegistryOptions(registry))
    sweep = prepare(Order({}, LAW, nation.JUDGED_ON, "示例"), streams)
    with database.changing() as connection:
        store.begin(connection, sweep)
        commit(connection)
    sweeping = Sweeping(database, streams, None)
    for part in range(1, sweep.parts + 1):
        sweeping.run(Job("test", Event(), lambda _, work: work()), sweep.id, part)
    sweeping.close()
    found = found_by(database, sweep.id)
    database.close()
    return found


def found_by(database: Audit, id: str) -> Found:
    """Give all that a sweep found, which is done and has each app exactly once."""
    sweep, progress = store.find(database, id)
    assert (sweep.state, progress.cases, sweep.total) == ("done", APPS, APPS)
    return all_of(database, sweep)


def all_of(database: Audit, sweep: Sweep) -> Found:
    """Give all that a sweep has, each app exactly once."""
    found, has_more = sweep_results.page(database, sweep, Wanted(), APPS + 1, None)
    assert not has_more
    assert len(found) == len({each.app for each in found}) == APPS
    return {each.app: (each.content.key, each.content.outcome, each.content.verdicts) for each in found}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_that_is_killed_again_and_again(started: Any, undisturbed: Found, engine: str) -> None:  # noqa: ANN401
    workers = started(engine, 1)
    id = workers.begin()
    for done in (1, APPS // 2):
        until(lambda done=done: workers.done(id) >= done)  # type: ignore[misc]  # the loop's own
        workers.all[0].kill()
        workers.all[0].start()
    assert workers.await_end(id) == undisturbed


def test_two_workers_of_which_one_dies_for_good(started: Any, undisturbed: Found) -> None:  # noqa: ANN401
    workers = started("postgresql", 2)
    id = workers.begin()
    until(lambda: workers.done(id) >= 1)
    workers.all[0].kill()
    assert workers.await_end(id) == undisturbed


@pytest.fixture
def changing_registry(tmp_path: Path) -> Iterator[str]:
    """A registry of one test, which changes it."""
    with stocked_registry(tmp_path) as address:
        yield address


def test_a_sweep_that_follows_goes_on_though_workers_die(
    started: Any,  # noqa: ANN401
    changing_registry: str,
) -> None:
    workers = started("postgresql", 2, changing_registry)
    id = workers.begin(follows=True)
    until(lambda: store.find(workers.database, id)[0].state == "following")
    for number, worker in enumerate([workers.all[0], workers.all[1], workers.all[0]]):
        worker.kill()
        reached = rename(changing_registry, number)
        worker.start()
        until(lambda reached=reached: store.find(workers.database, id)[0].revision >= reached)  # type: ignore[misc]  # the loop's own
    sweep, _ = store.find(workers.database, id)
    fresh = workers.begin(revision=sweep.revision, on=sweep.day.isoformat())
    assert all_of(workers.database, sweep) == workers.await_end(fresh)
    assert sweep.chain is not None
    told = following_sweeps.changes(workers.database, sweep.chain, 0, 100_000)
    # The first apps are provincial platforms, whose names their neighbours are told; each change stands once.
    assert [each.app for each in told if not each.neighbours] == [nation.app(number).id for number in range(3)]
    assert len({(each.app, each.revision) for each in told}) == len(told)


def rename(registry: str, number: int) -> int:
    """Give an app another name; give the registry revision of it."""
    path, app = f"/v1/apps/{nation.app(number).id}", nation.app(number)
    with httpx.Client(base_url=registry, timeout=60, trust_env=False) as client:
        answer = client.put(
            path,
            json={**orjson.loads(app.manifest), "name": f"示例改名{number}"},
            params={"reason": "示例"},
            headers={"If-Match": client.get(path).headers["ETag"]},
        )
    revision: int = answer.raise_for_status().json()["revision"]
    return revision
