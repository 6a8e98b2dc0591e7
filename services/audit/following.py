"""Following: offers, cases and the tree of organisations at hand, from a snapshot, kept current from the feed.

One thread reads; what it has read appears all at once, as of one registry revision. While the registry is away the
thread goes on asking, and the lag grows. What changes the tree of organisations may change the sponsors of any number
of apps, so everything is read anew then; so it is when the feed is far ahead, or that of another registry.
"""

from __future__ import annotations

import asyncio
import logging
import time
from enum import StrEnum
from functools import lru_cache
from math import nan
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, NamedTuple, Self

from services.audit.holding import Holding, Page, cases_of
from services.audit.index import IndexFull
from services.audit.registry_client import RegistryUnavailable
from services.audit.registry_streams import RegistryRefused
from services.manifest import ties
from services.manifest.model import accepted
from services.manifest.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from services.audit.index_settings import IndexSettings
    from services.audit.registry_streams import RegistryStreams
    from services.manifest.model import Manifest

MANY_LATE = 10_000
"""An index is not loaded anew for fewer apps that came late than a fifth of this."""

_FIRST_PAUSE_S = 0.2
_FULL_PAUSE_S = 60.0
_LATE_PART = 5  # an index of which a fifth came late is slower to ask than to load anew
# Whoever is asked about once is asked about again.
_declared = lru_cache(1 << 10)(accepted)
_LOG = logging.getLogger("govapp.index")


class State(StrEnum):
    """What following is doing."""

    OFF = "off"
    LOADING = "loading"
    FOLLOWING = "following"
    WAITING = "waiting"


class Standing(NamedTuple):
    """How the index stands.

    Args:
        state: what is being done: `waiting` for a registry that gives no answer, or for room.
        revision: the registry revision of the index; None while there is none.
        newest: the newest registry revision heard of.
        lag_s: seconds for which it has not been certain that nothing newer exists; None while there is no index.
        apps, offers: how many it holds.
        reason: why it waits.
    """

    state: State
    revision: int | None = None
    newest: int | None = None
    lag_s: float | None = None
    apps: int = 0
    offers: int = 0
    reason: str | None = None


class Known(NamedTuple):
    """What is at hand of a registered app."""

    manifest: Manifest
    neighbourhood: Neighbourhood
    lag_s: float


class _MustLoadAnew(Exception):
    """What is held cannot be brought up to date by the feed; says why."""


class Following:
    """Follows one registry; use it as an async context manager. It may be asked from any thread."""

    def __init__(
        self,
        settings: IndexSettings,
        streams: Callable[[], RegistryStreams],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take how it is to be followed, what opens a reader, and a monotonic clock in seconds; nothing begins yet."""
        self._settings = settings
        self._open = streams
        self._clock = clock
        self._folder = settings.folder
        self._lock = Lock()
        self._held: Holding | None = None
        self._state = State.LOADING
        self._reason: str | None = None
        self._is_spent = True
        self._pause_s = _FIRST_PAUSE_S
        self._newest: int | None = None
        self._certain_at = 0.0
        self._offers = 0
        self._ending = Event()
        self._thread: Thread

    async def __aenter__(self) -> Self:
        """Begin."""
        self._thread = Thread(target=self._run, name="audit-following", daemon=True)
        self._ending.clear()
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, at the latest when the look at the feed that is being waited for is over."""
        self._ending.set()
        await asyncio.to_thread(self._thread.join)
        with self._lock:
            if self._held is not None:
                self._held.close()
                self._held = None

    @property
    def max_lag_s(self) -> float:
        """The lag up to which the index answers those who do not say how fresh an answer they want."""
        return self._settings.max_lag_s

    def standing(self) -> Standing:
        """Tell how the index stands."""
        with self._lock:
            held = self._held
            if held is None:
                return Standing(self._state, newest=self._newest, reason=self._reason)
            lag_s = self._clock() - self._certain_at
            sizes = len(held.cases), self._offers
            return Standing(self._state, held.index.revision, self._newest, lag_s, *sizes, self._reason)

    def gauges(self) -> dict[str, tuple[str, Callable[[], float]]]:
        """Give what may be watched; a number that there is not is NaN."""

        def watched(said: str, name: str) -> tuple[str, Callable[[], float]]:
            def value() -> float:
                number = getattr(self.standing(), name)
                return nan if number is None else float(number)

            return said, value

        return {
            "govapp_index_revision": watched("Registry revision of the index.", "revision"),
            "govapp_index_newest_revision": watched("Newest registry revision heard of.", "newest"),
            "govapp_index_lag_seconds": watched("Time since it was certain that nothing newer exists.", "lag_s"),
            "govapp_index_offers": watched("Offers in the index.", "offers"),
        }

    def find(self, app: str, max_lag_s: float) -> Known | None:
        """Give what is at hand of a registered app; None when it is not, or is not known to be so fresh."""
        with self._lock:
            held, lag_s = self._held, self._clock() - self._certain_at
            if held is None or lag_s > max_lag_s:
                return None
            case = held.cases.find(app)
            if case is None:
                return None
            manifest, recorded = _declared(case.manifest), held.tree.recorded(case.sponsor)
            told = held.index.answer(app, ties.questions(manifest, recorded))
            return Known(manifest, Neighbourhood(held.index.revision, told, case.granted(), recorded), lag_s)

    # ------------------------------------------------------------ the thread

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                with self._open() as streams:
                    self._follow(streams)
            except _MustLoadAnew as reason:
                _LOG.warning("index.loading_anew", extra={"fields": {"reason": str(reason)}})
                self._tell(State.LOADING, str(reason))
                self._is_spent, self._pause_s = True, _FIRST_PAUSE_S
            except (RegistryUnavailable, RegistryRefused) as reason:
                self._tell(State.WAITING, str(reason))
            except IndexFull as reason:
                _LOG.error("index.full", extra={"fields": {"reason": str(reason)}})
                self._tell(State.WAITING, str(reason))
                self._pause_s = _FULL_PAUSE_S
            except Exception:  # noqa: BLE001 - whatever it is, whoever asks is answered by the registry meanwhile
                _LOG.exception("index.failed")
                self._tell(State.WAITING, "see the log")
                self._is_spent = True
            self._ending.wait(self._pause_s)
            self._pause_s = min(2 * self._pause_s, max(self._settings.longest_pause_s, _FIRST_PAUSE_S))

    def _follow(self, streams: RegistryStreams) -> None:
        if self._held is None or self._is_spent:
            self._load(streams)
            self._is_spent = False
        while not self._ending.is_set():
            self._look(streams)

    def _load(self, streams: RegistryStreams) -> None:
        if self._held is None:
            self._tell(State.LOADING, None)
        asked_at = self._clock()
        held = Holding.load(streams, self._folder, self._until_end)
        index = held.index
        with self._lock:
            before, self._held = self._held, held
            self._certain_at, self._newest, self._offers = asked_at, index.revision, len(index)
            self._state, self._reason = State.FOLLOWING, None
        if before is not None:
            before.close()
        fields = {"revision": index.revision, "apps": len(held.cases), "took_s": round(self._clock() - asked_at, 1)}
        _LOG.info("index.loaded", extra={"fields": fields})

    def _look(self, streams: RegistryStreams) -> None:
        """Read on in the feed, and let all that it tells happen at once."""
        held = self._held
        if held is None:
            raise _MustLoadAnew("there is no index")
        asked_at = self._clock()
        is_behind = self._newest != held.index.revision
        try:
            page = Page.read(streams, held.index.revision, 0 if is_behind else self._settings.wait_s)
        except RegistryRefused as error:
            raise _MustLoadAnew("the registry has not come so far: it is another one, or was restored") from error
        if page.newest - page.reached > self._settings.most_behind:
            raise _MustLoadAnew(f"{page.newest - held.index.revision} revisions behind")
        if page.changes_the_tree:
            raise _MustLoadAnew("the tree of organisations was changed")
        lines = dict(cases_of(streams, page.reached, page.apps))
        with self._lock:
            try:
                more = held.move_on(page, lines)
            except (ValueError, IndexFull) as error:
                # Half of it may have happened: nobody may see that.
                held.close()
                self._held = None
                raise _MustLoadAnew(str(error)) from error
            self._newest, self._offers = page.newest, self._offers + more
            if page.reached == page.newest:
                self._certain_at = asked_at
            self._state, self._reason = State.FOLLOWING, None
        self._pause_s = _FIRST_PAUSE_S
        if held.index.late * _LATE_PART > max(len(held.cases), MANY_LATE):
            raise _MustLoadAnew("many apps came late")

    def _until_end(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        for line in lines:
            if self._ending.is_set():
                raise RegistryUnavailable("the service ends")
            yield line

    def _tell(self, state: State, reason: str | None) -> None:
        with self._lock:
            self._state, self._reason = state, reason
