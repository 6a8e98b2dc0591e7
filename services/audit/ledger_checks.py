"""Checking a ledger from outside: everything is worked out anew from what is kept, and nothing is believed.

What was changed no longer has its hash; what was removed or reordered breaks the chain; what was rewritten throughout,
or cut off at the end, contradicts a signed checkpoint that somebody has kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import ValidationError

from services.audit import ledger, merkle, receipts
from services.audit.ledger import Kind
from services.audit.signing import NotGenuineError
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime

    from services.audit.ledger import Checkpoint, Entry
    from services.audit.signing import PublicKeys

_COLUMNS = {
    "id": "jti",
    "app": "sub",
    "hash": "manifest",
    "law": "law",
    "purpose": "purpose",
    "outcome": "outcome",
    "revision": "revision",
    "place": "ledger",
}
"""What lists filter by, and the claim that says the same."""


class Source(Protocol):
    """Where a ledger is read from: an `AuditClient`."""

    def head(self) -> Mapping[str, Any]:
        """Give how far the ledger has come."""
        ...

    def entries(self, size: int) -> Iterator[Mapping[str, Any]]:
        """Give the first `size` entries with all that they record."""
        ...

    def checkpoints(self) -> Iterator[Mapping[str, Any]]:
        """Give the checkpoints that were issued."""
        ...


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found: nothing wrong, or what; and how much was checked."""

    problems: tuple[Text, ...]
    size: int
    root: str
    checkpoints: int


def check(source: Source, keys: PublicKeys, kept: Iterable[str]) -> Checked:
    """Check a whole ledger.

    Args:
        source: where it is read from.
        keys: the keys by which receipts and checkpoints are verified.
        kept: signed checkpoints that were kept elsewhere.

    """
    head = source.head()
    problems, checkpoints = [], []
    for signed in (*kept, *(each["signed"] for each in source.checkpoints())):
        try:
            checkpoints.append(ledger.read_checkpoint(signed, keys))
        except NotGenuineError as error:
            problems.append(Text(f"检查点不真实：{error}", f"a checkpoint is not genuine: {error}"))
    entries = LedgerCheck(keys, checkpoints)
    for entry in source.entries(head["size"]):
        problems += entries.take(entry)
    problems += entries.finish(head["size"], head["root"])
    return Checked(tuple(problems), entries.size, head["root"], len(checkpoints))


class LedgerCheck:
    """Takes the entries one after the other, and tells what is wrong."""

    def __init__(self, keys: PublicKeys, checkpoints: Iterable[Checkpoint]) -> None:
        """Take the keys by which receipts are verified, and the checkpoints that must hold, verified already."""
        self._keys = keys
        self._checkpoints = sorted(checkpoints, key=lambda each: each.size)
        self._tree = merkle.Frontier()
        self._previous: str | None = None
        self._at: datetime | None = None

    @property
    def size(self) -> int:
        """How many entries were taken."""
        return self._tree.size

    def take(self, kept: Mapping[str, Any]) -> Iterator[Text]:
        """Take the next entry as `GET /v1/ledger/entries?with_records=true` gives it."""
        place = self._tree.size
        leaf = ledger.leaf_of(kept["content"].encode())
        if leaf.hex() != kept["hash"]:
            yield _at(place, "内容已不是其哈希所指的内容", "its content is not what its hash is of")
        try:
            entry = ledger.read_entry(kept["content"].encode())
        except ValidationError:
            yield _at(place, "内容不是账本条目", "its content is no entry of a ledger")
        else:
            yield from self._chained(place, kept, entry)
            yield from self._recorded(place, kept.get("decision"), entry)
        self._previous = leaf.hex()
        self._tree.add(leaf)
        yield from self._as_signed()

    def finish(self, size: int, root: str) -> Iterator[Text]:
        """Tell what is wrong with the whole, once all entries were taken; it is said to have `size` and `root`."""
        if self.size != size:
            yield Text(
                f"应有 {size} 条，只有 {self.size} 条", f"there should be {size} entries, and there are {self.size}"
            )
        if self._tree.root().hex() != root:
            yield Text("所报的树根与各条目不符", "the root that is told is not that of the entries")
        for each in self._checkpoints:
            if each.size > self.size:
                yield Text(
                    f"检查点签有 {each.size} 条，现只有 {self.size} 条：尾部被删去",
                    f"a checkpoint was signed of {each.size} entries, and there are {self.size}: the end was cut off",
                )

    def _chained(self, place: int, kept: Mapping[str, Any], entry: Entry) -> Iterator[Text]:
        if (entry.place, kept["place"]) != (place, place):
            yield _at(place, f"是第 {entry.place} 条：有条目被删去或调换", f"it is entry {entry.place}: not in order")
        if entry.previous != self._previous:
            yield _at(place, "与前一条不相接", "it does not follow the one before")
        if self._at is not None and entry.at < self._at:
            yield _at(place, "时间早于前一条", "it is earlier than the one before")
        self._at = entry.at

    def _recorded(self, place: int, decision: Mapping[str, Any] | None, entry: Entry) -> Iterator[Text]:
        if decision is None:
            if entry.kind == Kind.DECISION:
                yield _at(place, f"所记录的判定 {entry.thing} 不见了", f"the decision {entry.thing} is gone")
            return
        if receipts.digest(decision["receipt"]) != entry.digest:
            yield _at(place, "收据被换过", "its receipt is another one")
        try:
            found = receipts.read(decision["receipt"], self._keys)
        except NotGenuineError as error:
            yield _at(place, f"收据不可信：{error}", f"its receipt is not genuine: {error}")
            return
        row = decision["row"]
        if receipts.digest(decision["record"]) != found.findings.record:
            yield _at(place, "判定的记录被改过", "the record of the decision was changed")
        if receipts.digest(decision["manifest"]) != found.claims.manifest:
            yield _at(place, "所判的清单被改过", "the manifest that was judged was changed")
        wrong = [name for name, claim in _COLUMNS.items() if row[name] != getattr(found.claims, claim)]
        wrong += ["day"] if row["day"] != found.claims.day.isoformat() else []
        wrong += ["previous"] if row["previous"] != found.findings.previous else []
        wrong += ["who"] if row["who"] != entry.who else []
        wrong += ["thing"] if entry.thing != found.claims.jti else []
        if wrong:
            yield _at(place, f"与收据不符：{'、'.join(wrong)}", f"not as the receipt says: {', '.join(wrong)}")

    def _as_signed(self) -> Iterator[Text]:
        for each in self._checkpoints:
            if each.size == self.size and each.root != self._tree.root().hex():
                yield Text(
                    f"前 {each.size} 条与签名的检查点不符：账本被改写",
                    f"the first {each.size} entries are not those of the signed checkpoint: the ledger was rewritten",
                )


def _at(place: int, zh: str, en: str) -> Text:
    return Text(f"第 {place} 条：{zh}", f"entry {place}: {en}")
