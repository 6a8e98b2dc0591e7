"""Lists the plain way: every app is looked at, one condition after the other, with nothing but its documents."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from services.manifest import divisions, ties
from services.manifest.terms import Level, Stage
from tests import world

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Document = dict[str, Any]

DAYS = {
    "proposed": "proposed_on",
    "begun": "begun_on",
    "online": "online_on",
    "retire": "retire_on",
    "retired": "retired_on",
}


@dataclass
class Entry:
    """An app as it stood: its manifest, the revision of its last change, and its grants as they were recorded."""

    manifest: Document
    revision: int
    is_withdrawn: bool = False
    grants: list[Document] = field(default_factory=list)


def folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def texts(manifest: Document) -> Iterator[str]:
    sponsor = manifest.get("sponsor", {})
    found = [manifest.get("name"), sponsor.get("name"), sponsor.get("root_organ")]
    for feature in manifest.get("features", ()):
        found += [feature.get("name"), feature.get("description")]
    for item in (*manifest.get("asks", ()), *manifest.get("holdings", ())):
        found += [item.get("name"), item.get("code")]
    return (folded(text) for text in found if text is not None)


def item_key(item: Document) -> str | None:
    if "code" in item:
        return f"code={item['code'].casefold()}"
    return f"name={folded(item['name'])}" if "name" in item else None


def grant_day(grant: Document, name: str) -> date | None:
    said = grant.get(name)
    return None if said is None else date.fromisoformat(said)


def counts(grant: Document, on: date) -> bool:
    first, last, revoked = (grant_day(grant, name) for name in ("from_on", "until_on", "revoked_on"))
    if first is None or (revoked is not None and revoked <= first):
        return False
    return first <= on and (last is None or on <= last) and (revoked is None or on < revoked)


def ends(grant: Document) -> date | None:
    revoked = grant_day(grant, "revoked_on")
    return grant_day(grant, "until_on") if revoked is None else revoked - timedelta(days=1)


def value(name: str, entry: Entry) -> Any:  # noqa: ANN401 - what a manifest declares
    said, sponsor = entry.manifest, entry.manifest.get("sponsor", {})
    match name:
        case "kind" | "role" | "stage":
            return said.get(name)
        case "level":
            return sponsor.get("level")
        case "department":
            organ = sponsor.get("root_organ", sponsor.get("name"))
            return None if organ is None else folded(organ)
        case "sector" | "vendor":
            return folded(said[name]) if name in said else None
        case "faces_grassroots":
            faces = ties.faces_grassroots(world.manifest(said))
            return None if faces is None else str(faces).lower()
        case "province":
            return None if "division" not in sponsor else divisions.normalise(sponsor["division"])[:2]
        case _:
            raise KeyError(name)


def day(name: str, manifest: Document) -> str | None:
    if name == "consolidation":
        consolidation = manifest.get("consolidation")
        return consolidation.get("due_on") if isinstance(consolidation, dict) else None
    found: str | None = manifest.get(DAYS[name])
    return found


def meets(name: str, said: str, entry: Entry, on: date, query: Mapping[str, str]) -> bool:  # noqa: C901, PLR0912 - one condition after the other
    manifest, is_undeclared = entry.manifest, said == "undeclared"
    match name:
        case "q":
            return all(any(folded(word) in text for text in texts(manifest)) for word in said.split())
        case "name":
            return "name" in manifest and folded(said) in folded(manifest["name"])
        case "id":
            return manifest["id"] in said
        case "kind" | "level" | "role" | "stage" | "faces_grassroots":
            return bool(value(name, entry) == (None if is_undeclared else said))
        case "department" | "sector" | "vendor":
            return bool(value(name, entry) == (None if is_undeclared else folded(said)))
        case "division":
            where = manifest.get("sponsor", {}).get("division")
            return where is None if is_undeclared else where is not None and divisions.covers(said, where)
        case "feature_kind":
            features = manifest.get("features")
            if is_undeclared or features is None:
                return is_undeclared and features is None
            return said in [each.get("kind") for each in features]
        case "asks" | "holds":
            items = manifest.get("asks" if name == "asks" else "holdings")
            if is_undeclared or items is None:
                return is_undeclared and items is None
            return said in map(item_key, items)
        case "shares":
            items = [*manifest.get("asks", ()), *manifest.get("holdings", ())]
            if is_undeclared:
                return any("shared" not in each for each in items)
            return any(
                item_key(each) == said and isinstance(each.get("shared"), dict) and "to" in each["shared"]
                for each in items
            )
        case "grant":
            return any(each["kind"] == said and counts(each, on) for each in entry.grants)
        case "without_grant":
            return not meets("grant", said, entry, on, query)
        case "grant_ends_within_days":
            kind, last = query.get("grant"), on + timedelta(days=int(said))
            return any(
                kind in {None, each["kind"]} and counts(each, on) and (end := ends(each)) is not None and end <= last
                for each in entry.grants
            )
        case "undated":
            return day(said, manifest) is None
        case "withdrawn":
            return True if said == "include" else entry.is_withdrawn == (said == "only")
        case "returned":
            return said == "false"
        case _:
            which, _, edge = name.partition("_")
            declared = day(which, manifest)
            return declared is not None and (declared >= said if edge == "from_on" else declared <= said)


def found(state: Mapping[str, Entry], query: Mapping[str, str], today: date) -> list[Entry]:
    """Give the apps that meet every condition of a query, in its order."""
    on = date.fromisoformat(query["grant_on"]) if "grant_on" in query else today
    conditions = {"withdrawn": "exclude", **query}
    for name in ("grant_on", "sort"):
        conditions.pop(name, None)
    met = [
        entry
        for entry in state.values()
        if all(meets(name, said, entry, on, query) for name, said in conditions.items())
    ]
    sort = query.get("sort", "id")
    by, is_descending = sort.removeprefix("-"), sort.startswith("-")
    declared = [entry for entry in met if rank(by, entry) is not None]
    declared.sort(key=lambda entry: (rank(by, entry), entry.manifest["id"]), reverse=is_descending)
    undeclared = [entry for entry in met if rank(by, entry) is None]
    undeclared.sort(key=lambda entry: entry.manifest["id"], reverse=is_descending)
    return [*declared, *undeclared]


def rank(by: str, entry: Entry) -> Any:  # noqa: ANN401 - what can be compared
    match by:
        case "id":
            return entry.manifest["id"]
        case "changed":
            return entry.revision
        case "name":
            return folded(entry.manifest["name"])[:64] if "name" in entry.manifest else None
        case "level" | "stage":
            word = value(by, entry)
            return None if word is None else list(Level if by == "level" else Stage).index(word)
        case _:
            return day(by.removesuffix("_on").removesuffix("_due"), entry.manifest)


def facets(met: list[Entry], on: date) -> dict[str, Counter[Any]]:
    """Count apps by each facet."""
    names = ("kind", "level", "province", "role", "stage", "faces_grassroots", "department", "sector")
    counted = {name: Counter(value(name, entry) for entry in met) for name in names}
    kinds = [entry.manifest.get("features") for entry in met]
    counted["feature_kind"] = Counter(
        kind
        for features in kinds
        for kind in ({None} if features is None else {each["kind"] for each in features if "kind" in each})
    )
    counted["grant"] = Counter(
        kind for entry in met for kind in {each["kind"] for each in entry.grants if counts(each, on)}
    )
    return counted
