"""What becomes of one app of a file: it is created, changed, left as it is, or rejected, and why."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import orjson
from pydantic import ValidationError

from services.manifest.model import Manifest, Sponsor
from services.registry import granting, life_cycle
from services.registry.differences import difference
from services.registry.import_tables import Outcome
from services.registry.imports.merging import LostError, merged
from services.registry.refusals import ForbiddenError, Objection, RefusedError
from services.registry.sheets import Entry, Problem
from services.registry.store.prepared import packed, packed_columns, prepare
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from services.registry.store.prepared import Prepared
    from services.registry.tables import App, Grant


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all apps of a file: what its sender holds, most offers of one app, fields without a column."""

    scopes: Collection[str]
    max_offers: int
    unmentioned: frozenset[str] = frozenset()


class Ready(NamedTuple):
    """An app that can be stored: its hash, the stage it declares, its manifest and what is derived from it, as JSON."""

    hash: str
    stage: str | None
    text: str
    derived: str


@dataclass(frozen=True, slots=True)
class Read(Entry):
    """An app of the file, whose manifest has been read; there is nothing ready where there are problems."""

    ready: Ready | None = None


@dataclass(frozen=True, slots=True)
class Registered:
    """An app as it is registered: its row, its manifest where it matters, and its grants."""

    row: App
    manifest: str | None
    grants: Sequence[Grant]


@dataclass(frozen=True, slots=True)
class Judged:
    """What becomes of an app: what is to be written, what that changes, or why nothing is written."""

    outcome: Outcome
    ready: Ready | None = None
    difference: str | None = None
    problems: tuple[Problem, ...] = ()


def read(entry: Entry, max_offers: int) -> Read:
    """Work out what would be stored of an app of the file."""
    told_of = (entry.number, entry.place, entry.id, None)
    if entry.manifest is None or entry.id is None:
        return Read(*told_of, entry.problems, entry.revision)
    try:
        prepared = prepare(entry.id, entry.manifest, max_offers)
    except RefusedError as error:
        return Read(*told_of, told(entry.place, error.objections), entry.revision)
    return Read(*told_of, (), entry.revision, _ready(prepared))


def _ready(prepared: Prepared) -> Ready:
    return Ready(prepared.hash, prepared.columns["stage"], prepared.text, packed(prepared))


def judge(what: Read, registered: Registered | None, terms: Terms) -> Judged:
    """Say what becomes of an app of the file."""
    ready = what.ready
    if ready is None or what.id is None:
        return Judged(Outcome.REJECTED, problems=what.problems)
    if registered is None:
        return _judge_new(what, ready, terms)
    row = registered.row
    try:
        if terms.unmentioned and registered.manifest is not None:
            ready = _with_unmentioned(what.id, ready, registered.manifest, terms)
    except RefusedError as error:
        return Judged(Outcome.REJECTED, problems=told(what.place, error.objections))
    if not row.is_withdrawn and row.hash == ready.hash:
        return Judged(Outcome.UNCHANGED)
    objections = [
        *_of_revision(what.revision, row),
        *objections_to(row, packed_columns(ready.derived), registered.grants, terms.scopes),
    ]
    if objections:
        return Judged(Outcome.REJECTED, problems=told(what.place, objections))
    changes = difference(orjson.loads(registered.manifest or "{}"), orjson.loads(ready.text))
    return Judged(Outcome.CHANGED, ready, orjson.dumps(changes).decode())


def _judge_new(what: Read, ready: Ready, terms: Terms) -> Judged:
    objections = objections_to(None, {"stage": ready.stage}, (), terms.scopes)
    if objections:
        return Judged(Outcome.REJECTED, problems=told(what.place, objections))
    return Judged(Outcome.CREATED, ready)


def objections_to(
    row: App | None,
    columns: Mapping[str, Any],
    grants: Sequence[Grant],
    scopes: Collection[str],
    relatives: Collection[str] = (),
) -> tuple[Objection, ...]:
    """Give what stands against a manifest that is to be written, as for one that is sent by itself.

    Args:
        row: the app as it stands; None when it is new.
        columns: what is derived from the manifest for lists; of a new app the stage suffices.
        grants: all that the app holds.
        scopes: what the one who writes holds.
        relatives: ids of those among the grants whose granter the tree puts under the sponsor's department.

    """
    if row is not None and row.is_withdrawn:
        fact = Text("该应用已撤回，不能再更改", "the app was withdrawn and cannot be changed any more")
        return (Objection("/id", fact, Text("以新的标识登记", "register it under a new id")),)
    try:
        # A move looks at the stage and at days, which columns are called alike; making a manifest would take longest.
        life_cycle.require_put(row, cast("Manifest", SimpleNamespace(**columns)), scopes)
    except RefusedError as error:
        return error.objections
    except ForbiddenError as error:
        fact = Text(f"这一阶段须由持有权限 {error.scope} 者导入", f"this stage needs the scope {error.scope}")
        return (Objection("/stage", fact, Text("由有权者导入", "let somebody who holds it import the file")),)
    return tuple(granting.of_sponsor(_sponsor(columns), grants, relatives)) if grants else ()


def _sponsor(columns: Mapping[str, Any]) -> Sponsor:
    names = {"name": "sponsor", "credit_code": "credit_code", "root_organ": "root_organ"}
    return Sponsor.model_construct(**{name: columns[column] for name, column in names.items()})


def told(place: str, objections: Iterable[Objection]) -> tuple[Problem, ...]:
    """Give objections as problems of a place of the file."""
    return tuple(Problem(place, each.place, each.fact, each.remedy) for each in objections)


def as_json(problems: Sequence[Problem]) -> str | None:
    """Give problems as they are kept; None where there are none."""
    return orjson.dumps([_said(each) for each in problems]).decode() if problems else None


def _said(problem: Problem) -> dict[str, Any]:
    return {
        "place": _clean(problem.place),
        "pointer": _clean(problem.pointer),
        "detail": {"zh": _clean(problem.detail.zh), "en": _clean(problem.detail.en)},
        "remedy": {"zh": _clean(problem.remedy.zh), "en": _clean(problem.remedy.en)},
    }


def _clean(text: str) -> str:
    """Give text that every database keeps and every encoding can write, whatever stands in the file."""
    return clean(text) or ""


def clean(text: str | None) -> str | None:
    """Give text that every database keeps and every encoding can write; None stays None."""
    if text is None or (text.isprintable() and text.isascii()):
        return text
    return text.encode("utf-8", "replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _of_revision(revision: int | None, row: App | None) -> Iterable[Objection]:
    """Object to a row that was exported before the app was changed: it would undo that change."""
    if revision is not None and row is not None and row.since != revision:
        fact = Text(
            f"文件写明导出时为登记号 {revision}，该应用现为 {row.since}",
            f"the file says that the app was at revision {revision} when it was exported; it is at {row.since} now",
        )
        remedy = Text(
            "重新导出后再改；确要以此为准，清空“登记号”一格",
            "export it again and change that; to have it this way nevertheless, empty the cell of the revision",
        )
        yield Objection("", fact, remedy)


def _with_unmentioned(app: str, ready: Ready, registered: str, terms: Terms) -> Ready:
    declared = orjson.loads(ready.text)
    try:
        whole = merged(orjson.loads(registered), declared, terms.unmentioned)
    except LostError as error:
        fact = Text(
            f"文件没有这些列，而登记的清单在此有内容，无法对应到各行：{'、'.join(error.pointers)}",
            f"the file has no column for what is registered here, and it cannot be told whose it is: {error}",
        )
        remedy = Text("按模板补上这些列，或从登记系统导出后再改", "add these columns, or change an export instead")
        raise RefusedError(Objection(error.pointers[0], fact, remedy)) from error
    if whole == declared:
        return ready
    try:
        kept = Manifest.model_validate_json(orjson.dumps(whole))
    except ValidationError as error:
        raise RefusedError(*_contradictions(error)) from error
    return _ready(prepare(app, kept, terms.max_offers))


def _contradictions(error: ValidationError) -> Iterable[Objection]:
    for fault in error.errors(include_url=False):
        for found in fault.get("ctx", {}).get("contradictions", ()):
            fact = Text(
                f"与登记的、文件没有列出的内容矛盾：{found.fact.zh}",
                f"this contradicts what is registered and not in the file: {found.fact.en}",
            )
            yield Objection(found.place, fact, found.remedy)
    fact = Text(
        "与登记的、文件没有列出的内容合不成一份清单", "with what is registered and not in the file, it is no manifest"
    )
    yield Objection("", fact, Text("按模板补上缺少的列", "add the columns that are missing"))
