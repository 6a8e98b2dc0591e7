"""Who has to be judged again when the registry changes: those that changed, and those that asked for what changed.

An index of offers answers who offers a tie; the same structure, filled with the questions of all apps, answers who asks
for one. An offer that begins or ends bears on the apps that ask for its tie in a region that overlaps, and on no other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import orjson

from services.audit.holding import Holding, cases_of
from services.audit.index import Index, Offered
from services.manifest import ties
from services.manifest.ties import index_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from services.audit.cases import Case, Tree
    from services.audit.holding import Page
    from services.audit.registry_streams import RegistryStreams

_NOTHING = b"{}"


@dataclass(frozen=True, slots=True)
class Affected:
    """Apps to be judged again: those of which manifest or grants changed, and by id those with changed neighbours."""

    changed: list[str] = field(default_factory=list)
    neighbours: dict[str, set[str]] = field(default_factory=dict)

    @property
    def apps(self) -> list[str]:
        """All of them, sorted."""
        return sorted({*self.changed, *self.neighbours})


class Nation:
    """All that sweeps which follow need: what is held of the registry, and who asks for what."""

    def __init__(self, holding: Holding, askers: Index) -> None:
        """Take what is held and who asks, as of the same registry revision."""
        self.holding = holding
        self._askers = askers

    @classmethod
    def load(
        cls,
        streams: RegistryStreams,
        revision: int,
        folder: Path | None,
        passing: Callable[[Iterator[bytes]], Iterator[bytes]],
    ) -> Self:
        """Load it as of a registry revision; see `Holding.load` for the arguments and errors."""
        holding = Holding.load(streams, folder, passing, revision)
        try:
            lines = (
                orjson.dumps({"tie": index_key(each.tie), "division": each.division, "app": each.app, "facts": {}})
                for case in holding.cases
                for each in _asked(case, holding.tree)
            )
            return cls(holding, Index.load(revision, passing(lines), folder))
        except BaseException:
            holding.close()
            raise

    @property
    def revision(self) -> int:
        """The registry revision."""
        return self.holding.index.revision

    def move_on(self, streams: RegistryStreams, page: Page) -> Affected:
        """Let a page of the feed happen, and tell on whom it bears.

        Args:
            streams: the reader of the registry, which is asked for the cases of the apps that changed.
            page: the page; it changes no organisation.

        Raises:
            RegistryUnavailable: no usable answer; nothing has happened.
            ValueError, IndexFull: half of it may have happened; this can only be closed now.

        """
        lines = dict(cases_of(streams, page.reached, page.apps))
        neighbours: dict[str, set[str]] = {}
        for each in self._changed(page):
            for app in self._askers.apps(each.tie, each.division):
                if app != each.app:
                    neighbours.setdefault(app, set()).add(each.app)
        cases, tree = self.holding.cases, self.holding.tree
        ended = [each for app in page.apps for each in _asked(cases.find(app), tree)]
        self.holding.move_on(page, lines)
        begun = [each for app in page.apps for each in _asked(cases.find(app), tree)]
        if page.reached > self._askers.revision:
            self._askers.apply(page.reached, ended, begun)
        return Affected(page.apps, neighbours)

    def belonging(self, streams: RegistryStreams, apps: list[str], wanted: Mapping[str, list[str]]) -> set[str]:
        """Give those of some apps that meet the conditions of a sweep; only the registry can tell, if there are any.

        Raises:
            RegistryUnavailable: no usable answer.
            RegistryRefused: it does not understand the conditions.

        """
        if not wanted:
            return {app for app in apps if self.holding.cases.find(app) is not None}
        return {app for app, _ in cases_of(streams, self.revision, apps, wanted)}

    def close(self) -> None:
        """Give the room back."""
        self.holding.close()
        self._askers.close()

    @staticmethod
    def _changed(page: Page) -> Iterator[Offered]:
        for _, ended, begun in page.offers():
            yield from ended
            yield from begun


def _asked(case: Case | None, tree: Tree) -> list[Offered]:
    """Give what an app asks, as if it offered it: every tie in every region."""
    if case is None:
        return []
    questions = ties.questions(case.declared(), tree.recorded(case.sponsor))
    return [Offered(each.tie, region, case.app, _NOTHING) for each in questions for region in each.regions]
