"""Webhooks when processes die or are many: nothing is lost, and what is repeated is the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.integration.registry.clerk import Clerk
from tests.processes import GOVAPP, free_port
from tests.receiver import Received, receiving

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

READY_AFTER_S = 60
on_postgresql = pytest.mark.parametrize("fresh_database_url", ["postgresql"], indirect=True)


class Registry:
    """The registry as a process that can be killed."""

    def __init__(self, stack: ExitStack, url: str, log: Path) -> None:
        self._stack = stack
        self._environment = {
            **os.environ,
            "GOVAPP_REGISTRY_DATABASE_URL": url,
            "GOVAPP_REGISTRY_MIGRATES_ON_START": "true",
            "GOVAPP_REGISTRY_JOBS__RUNS": "true",
            "GOVAPP_REGISTRY_JOBS__POLL_S": "0.05",
            "GOVAPP_REGISTRY_JOBS__TAKEOVER_S": "0.2",
            "GOVAPP_REGISTRY_WEBHOOKS__ALLOWS_HTTP": "true",
            "GOVAPP_REGISTRY_WEBHOOKS__ALLOWED_NETWORKS": json.dumps(["127.0.0.0/8"]),
            "GOVAPP_REGISTRY_WEBHOOKS__PORTS": "[]",
            "GOVAPP_REGISTRY_WEBHOOKS__POLL_S": "0.02",
        }
        self._log = log

    def start(self) -> tuple[subprocess.Popen[bytes], Clerk]:
        port = free_port()
        output = self._stack.enter_context(self._log.open("ab"))
        command = [GOVAPP, "serve", "registry", "--port", str(port)]
        process = subprocess.Popen(command, env=self._environment, stdout=output, stderr=output)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        http = self._stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60))
        deadline = time.monotonic() + READY_AFTER_S
        while not self._is_ready(http):
            assert process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.02)
        return process, Clerk(http)  # type: ignore[arg-type]  # a clerk needs no more of a client than httpx has

    @staticmethod
    def _is_ready(http: httpx.Client) -> bool:
        try:
            return http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


def first_of_each(received: Sequence[Received]) -> list[str]:
    return [each.subject for each in {each.id: each for each in reversed(received)}.values()][::-1]


def test_nothing_is_lost_when_the_registry_is_killed_while_it_delivers(fresh_database_url: str, tmp_path: Path) -> None:
    with receiving() as receiver, ExitStack() as stack:
        registry = Registry(stack, fresh_database_url, tmp_path / "log")
        process, clerk = registry.start()
        made = clerk.done(clerk.http.post("/v1/subscriptions", json={"url": receiver.url}), 201)
        apps = [clerk.register() for _ in range(5)]
        receiver.wait_for(*apps)
        receiver.hold_when_idle()
        apps += [clerk.register() for _ in range(5)]
        seen = len(receiver.wait(lambda _: receiver.at_once == 1))
        # It waits for an answer now; whether that came, nobody will remember.
        process.send_signal(signal.SIGKILL)
        process.wait()
        receiver.release()
        _, clerk = registry.start()
        apps.append(clerk.register())
        received = receiver.wait_for(*apps)
        assert first_of_each(received) == apps
        assert received[seen].id == received[seen - 1].id
        for id in {each.id for each in received}:
            assert len({each.body for each in received if each.id == id}) == 1
        for each in received:
            each.verified_by(made["secret"])


@on_postgresql
def test_two_processes_share_the_work_and_neither_repeats_the_other(fresh_database_url: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        receivers = [stack.enter_context(receiving()) for _ in range(4)]
        registry = Registry(stack, fresh_database_url, tmp_path / "log")
        first, one = registry.start()
        _, two = registry.start()
        for receiver in receivers:
            one.done(one.http.post("/v1/subscriptions", json={"url": receiver.url}), 201)
        apps = [(one, two)[n % 2].register() for n in range(20)]
        for receiver in receivers:
            received = receiver.wait_for(*apps)
            assert [each.subject for each in received] == apps
            assert receiver.most_at_once == 1
        # One of them is killed while it waits for an answer; the other takes over by itself.
        for receiver in receivers:
            receiver.hold_when_idle()
        late = [two.register() for _ in range(3)]
        for receiver in receivers:
            receiver.wait_for(late[0])
        first.send_signal(signal.SIGKILL)
        first.wait()
        for receiver in receivers:
            receiver.release()
        for receiver in receivers:
            assert first_of_each(receiver.wait_for(*late)) == [*apps, *late]
