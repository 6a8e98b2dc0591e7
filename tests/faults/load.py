"""Writers who do not give up, and a reader who follows: what they are told through an interruption must be true after.

Each writer sends requests one after the other, each under a key of its own, and sends one again until it is answered. A
request may be done before its answer is lost, so it is the keys that keep it from being done twice.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TYPE_CHECKING, Any

import httpx

from tests.integration.registry.clerk import GRANT, manifest, new_id

if TYPE_CHECKING:
    from collections.abc import Callable

WRITERS = 4
EACH = 12
"""Requests of each writer."""
STUCK_AFTER_S = 60
"""Far longer than anything here takes, so that only what is broken runs into it."""


class Load:
    """Parallel writers and a follower of the feed, against one registry."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.granted: dict[str, str] = {}
        """By its key, the id of each grant that was acknowledged."""
        self.registered: dict[str, int] = {}
        """By its id, the revision of each app whose registration was acknowledged."""
        self.followed: list[int] = []
        """The revisions that the feed told, in the order in which it told them."""
        self.refusals: list[httpx.Response] = []
        """What was answered instead of an acknowledgement."""
        self._progress = Condition()
        with self._client() as client:
            self.app = new_id()
            client.put(f"/v1/apps/{self.app}", json=manifest(self.app)).raise_for_status()

    def run(self, *interruptions: Callable[[], object]) -> None:
        """Let all write and follow, and interrupt them, each time after some more has been acknowledged."""
        with ThreadPoolExecutor(WRITERS + 1) as threads:
            writing = [threads.submit(self._write) for _ in range(WRITERS)]
            following = threads.submit(self._follow)
            for n, interrupt in enumerate(interruptions, 1):
                self._await_acknowledged(n * WRITERS * EACH // (len(interruptions) + 1))
                interrupt()
            for each in writing:
                each.result(STUCK_AFTER_S)
            following.result(STUCK_AFTER_S)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, trust_env=False, timeout=STUCK_AFTER_S)

    @property
    def acknowledged(self) -> int:
        return len(self.granted) + len(self.registered)

    def _await_acknowledged(self, count: int) -> None:
        with self._progress:
            assert self._progress.wait_for(lambda: self.acknowledged >= count, STUCK_AFTER_S)

    def _write(self) -> None:
        with self._client() as client:
            for n in range(EACH):
                key = secrets.token_hex(8)
                if n % 2:
                    answer = self._insist(client, f"/v1/apps/{self.app}/grants", GRANT, key)
                    with self._progress:
                        self.granted[key] = answer["id"]
                        self._progress.notify_all()
                    continue
                app = new_id()
                # Were it done twice, the second would find the app registered, and be refused.
                item = {"manifest": manifest(app, asks=[{"code": "contended"}]), "if_none_match": "*"}
                answer = self._insist(client, "/v1/batches", {"mode": "all", "items": [item]}, key)
                with self._progress:
                    self.registered[app] = answer["items"][0]["app"]["revision"]
                    self._progress.notify_all()

    def _insist(self, client: httpx.Client, path: str, body: Any, key: str) -> Any:  # noqa: ANN401 - JSON
        """Send a request under its key until it is acknowledged."""
        deadline = time.monotonic() + STUCK_AFTER_S
        while time.monotonic() < deadline:
            try:
                answer = client.post(path, json=body, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.is_success:
                return answer.json()
            self.refusals.append(answer)
            # What is told to come back may come back; anything else would be a request done twice, or a failure.
            assert (answer.status_code, "Retry-After" in answer.headers) in {(503, True), (409, True)}, answer.text
            time.sleep(0.02)
        raise AssertionError("no answer")

    def _follow(self) -> None:
        """Follow the feed until everything has been told."""
        since, deadline = 0, time.monotonic() + STUCK_AFTER_S
        with self._client() as client:
            while time.monotonic() < deadline:
                is_over = self.acknowledged == WRITERS * EACH
                try:
                    answer = client.get("/v1/changes", params={"since": since, "limit": 7, "wait_s": 0.2})
                except httpx.TransportError:
                    time.sleep(0.02)
                    continue
                if not answer.is_success:
                    assert answer.status_code == 503, answer.text
                    time.sleep(0.02)
                    continue
                page = answer.json()
                self.followed += [change["revision"] for change in page["items"]]
                since = page["next"]
                if is_over and since == page["revision"]:
                    return
        raise AssertionError("the feed did not end")

    def check(self) -> None:
        """Everything acknowledged is there, nothing twice, nothing by halves, and the feed told it all once."""
        with self._client() as client:
            found = client.get(f"/v1/apps/{self.app}/grants", params={"limit": 1000}).json()
            assert sorted(grant["id"] for grant in found["items"]) == sorted(self.granted.values())
            assert len(self.granted) == len(set(self.granted.values())) == WRITERS * EACH // 2
            for app, revision in self.registered.items():
                assert client.get(f"/v1/apps/{app}").json()["revision"] == revision
            reached = client.get("/v1/changes", params={"since": 0}).json()["revision"]
            # One revision for the app that was there before, and one for each acknowledged request: no gap, no more.
            assert reached == 1 + WRITERS * EACH
            assert self.followed == list(range(1, reached + 1))
            tie = "item:code=contended"
            asked = {"questions": [{"tie": tie, "regions": [""]}], "limit": 1000}
            [told] = client.post("/v1/neighbourhoods", json=asked).json()["ties"]
            assert told["total"] == len(told["neighbours"]) == len(self.registered)
