"""What is held of the registry, as of one registry revision: the offers, the cases and the tree of organisations.

It is loaded from snapshots, and moved on by pages of the change feed with the new cases of the apps that changed. What
changes the tree of organisations may change the sponsors of any number of apps: then it has to be loaded anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import orjson

from services.audit.cases import Case, CaseFile, Tree
from services.audit.index import Index, Offered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from services.audit.registry_streams import RegistryStreams

IDS_AT_ONCE = 50
"""How many apps a filter of the registry may name."""


class Page(NamedTuple):
    """A page of the change feed: its changes, as the registry tells them, how far it goes, and the newest revision."""

    changes: tuple[Mapping[str, Any], ...]
    reached: int
    newest: int

    @classmethod
    def read(cls, streams: RegistryStreams, since: int, wait_s: float) -> Page:
        """Read on in the feed; while there is nothing to tell, wait for it for some seconds.

        Raises:
            RegistryUnavailable: no usable answer.
            RegistryRefused: the registry has not reached `since`: it is another one, or was restored.

        """
        page = streams.changes(since, wait_s)
        return cls(tuple(page["items"]), page["next"], page["revision"])

    @property
    def apps(self) -> list[str]:
        """The apps whose manifest or grants have changed, sorted."""
        return sorted({each["app"] for each in self.changes if each["app"] is not None})

    @property
    def changes_the_tree(self) -> bool:
        """Whether an organisation has changed."""
        return any(each["noun"] == "organisation" for each in self.changes)

    def until(self, revision: int) -> Page:
        """Give the page without what came after a registry revision."""
        changes = tuple(each for each in self.changes if each["revision"] <= revision)
        return self._replace(changes=changes, reached=min(self.reached, revision))

    def happen(self, index: Index) -> int:
        """Let the page happen to an index, and give how many offers more it holds.

        Raises:
            ValueError, IndexFull: half of it may have happened.

        """
        more = 0
        for revision, ended, begun in self.offers():
            index.apply(revision, ended, begun)
            more += len(begun) - len(ended)
        if self.reached > index.revision:
            index.apply(self.reached, (), ())
        return more

    def offers(self) -> Iterator[tuple[int, list[Offered], list[Offered]]]:
        """Give the revision of every change, with the offers that it ended and those that it began."""
        for each in self.changes:
            ended = [_offered(each, offer) for offer in each["ended"]]
            begun = [_offered(each, offer, orjson.dumps(offer["facts"])) for offer in each["begun"]]
            yield each["revision"], ended, begun


@dataclass(slots=True)
class Holding:
    """The offers, the cases and the tree of organisations as of one registry revision; closed when done with."""

    index: Index
    cases: CaseFile
    tree: Tree

    @classmethod
    def load(
        cls,
        streams: RegistryStreams,
        folder: Path | None,
        passing: Callable[[Iterator[bytes]], Iterator[bytes]],
        revision: int | None = None,
    ) -> Self:
        """Load it from snapshots.

        Args:
            streams: the reader of the registry.
            folder: where facts and cases lie; None: where temporary files do.
            passing: what lines pass through, and may stop them.
            revision: the registry revision; None for the latest.

        Raises:
            RegistryUnavailable: no usable answer, or a stream broke off.
            RegistryRefused: the registry has not reached the revision.
            IndexFull: there is no room.

        """
        with streams.snapshot("offers", revision) as offers:
            index = Index.load(offers.revision, passing(offers.lines), folder)
        try:
            with streams.snapshot("organisations", index.revision) as organisations:
                tree = Tree(organisations.lines)
            with streams.snapshot("cases", index.revision) as cases:
                return cls(index, CaseFile(passing(cases.lines), folder), tree)
        except BaseException:
            index.close()
            raise

    def move_on(self, page: Page, lines: Mapping[str, bytes]) -> int:
        """Let a page of the feed happen, and give how many offers more there are.

        Args:
            page: the page; it changes no organisation.
            lines: the new case of each app that changed and is still held, see `cases_of`.

        Raises:
            ValueError, IndexFull: half of it may have happened; this can only be closed now.

        """
        more = page.happen(self.index)
        for app in page.apps:
            self.cases.put(app, lines.get(app))
        return more

    def close(self) -> None:
        """Give the room back."""
        self.index.close()
        self.cases.close()


def cases_of(
    streams: RegistryStreams, revision: int, apps: list[str], wanted: Mapping[str, list[str]] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Read the cases of some apps, those that meet some conditions, as of a registry revision: ids and lines.

    Raises:
        RegistryUnavailable: no usable answer, or the stream broke off.
        RegistryRefused: it does not understand the conditions.

    """
    for at in range(0, len(apps), IDS_AT_ONCE):
        with streams.snapshot("cases", revision, {**(wanted or {}), "id": apps[at : at + IDS_AT_ONCE]}) as cases:
            for line in cases.lines:
                yield Case.read(line).app, line


def _offered(change: Mapping[str, Any], offer: Mapping[str, Any], facts: bytes = b"") -> Offered:
    # A change of one app need not say whose each offer is; one of the tree of organisations does.
    return Offered(offer["tie"], offer["division"], offer.get("app") or change["app"], facts)
