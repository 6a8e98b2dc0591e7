"""Who may grant what to whom: an authority that is not of the sponsor's department, and something that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.manifest.model import Item, Sponsor
from services.manifest.neighbourhood import GrantKind
from services.manifest.ties import item_key, name_key
from services.registry.refusals import ConflictError, Objection, RefusedError
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import date

    from services.registry.store.grants import Terms
    from services.registry.tables import App, Grant

_TOLD = 20  # names told of those that are there
_INDEPENDENT = Text("由主办单位所属部门以外的有权机关批准", "an authority of another department grants")


def objections(
    terms: Terms,
    app: App,
    manifest: Mapping[str, Any],
    competent: Mapping[GrantKind, frozenset[str]],
    *,
    is_kin: bool = False,
) -> Iterator[Objection]:
    """Find everything that stands against granting something to an app.

    Args:
        terms: what is to be granted.
        app: to whom, as it stands.
        manifest: its manifest, as JSON.
        competent: who may grant what, by name or credit code; a kind that is not listed anyone may grant.
        is_kin: whether the tree of organisations puts granter and sponsor under one department.

    """
    yield from _of_terms(terms)
    yield from _of_competence(terms, competent)
    yield from _of_independence(app, terms) or _of_kinship(terms, is_kin=is_kin)
    yield from _of_scope(manifest, terms)


def of_its_day(terms: Terms, today: date) -> Iterator[Objection]:
    """Object to a grant that is recorded before it was given: until then it is none."""
    if terms.granted_on > today:
        fact = Text(f"{terms.granted_on} 在今天（{today}）之后", f"{terms.granted_on} lies after today, {today}")
        yield Objection("/granted_on", fact, Text("作出批准以后再记录", "record it once it has been given"))


def require_renewable(grant: Grant, app: App, until_on: date, today: date) -> None:
    """Let a grant be renewed that still counts or is still to count, until a later day than before.

    Raises:
        ConflictError: it has run out or was revoked, or the app was withdrawn.
        RefusedError: it lasts that long already.

    """
    anew = Text("以新的文件另行记录一项批准", "record another grant, with the new document")
    if app.is_withdrawn:
        raise ConflictError(Objection("{id}", Text("该应用已撤回", "the app was withdrawn"), anew))
    if grant.revoked_on is not None:
        fact = Text(f"该批准已自 {grant.revoked_on} 起撤销", f"the grant is revoked from {grant.revoked_on} on")
        raise ConflictError(Objection("{grant}", fact, anew))
    if grant.until_on is None:
        fact = Text("该批准没有期限，无须延长", "the grant has no end, so there is nothing to renew")
        raise ConflictError(Objection("{grant}", fact, Text("不必办理", "leave it as it is")))
    if grant.until_on < today:
        # Renewing it would let it count, after the fact, on days on which it did not.
        fact = Text(f"该批准已于 {grant.until_on} 期满", f"the grant ran out on {grant.until_on}")
        raise ConflictError(Objection("{grant}", fact, anew))
    if until_on <= grant.until_on:
        fact = Text(f"该批准本来就到 {grant.until_on}", f"the grant lasts until {grant.until_on} already")
        remedy = Text("写更晚的日期；要提前结束请撤销", "give a later day; to end it earlier, revoke it")
        raise RefusedError(Objection("/until_on", fact, remedy))


def _of_terms(terms: Terms) -> Iterator[Objection]:
    """Object to what a grant says by itself."""
    if terms.until_on is not None and terms.until_on < terms.from_on:
        fact = Text(f"{terms.until_on} 早于开始之日 {terms.from_on}", f"{terms.until_on} lies before {terms.from_on}")
        yield Objection("/until_on", fact, Text("更正其中一个日期", "correct one of the two days"))
    if terms.basis_title is None and terms.basis_number is None:
        fact = Text("依据既无文件名称也无文号", "the basis has neither a title nor a number")
        yield Objection("/basis", fact, Text("写明文件名称或文号", "give the title or the number of the document"))
    is_derogation = terms.kind == GrantKind.DEROGATION
    if is_derogation and terms.provision is None:
        fact = Text("例外批准须写明所例外的条款", "a derogation names the provision derogated from")
        yield Objection("/provision", fact, Text("写明条款标号，例如 12.1", "give its label, such as 12.1"))
    if not is_derogation and terms.provision is not None:
        fact = Text("只有例外批准才写条款", "only a derogation names a provision")
        yield Objection("/provision", fact, Text("去掉 provision", "leave out `provision`"))
    if terms.feature is not None and terms.item is not None:
        fact = Text("范围只能是一个功能或一个数据项", "the scope is one feature or one item, not both")
        yield Objection("/item", fact, Text("只写 feature 或 item", "give `feature` or `item`"))


def _of_competence(terms: Terms, competent: Mapping[GrantKind, frozenset[str]]) -> Iterator[Objection]:
    """Object to a granter that is not among those who may grant this kind, where any are listed."""
    listed = competent.get(terms.kind)
    if listed is None or terms.granter_credit_code in listed:
        return
    if name_key(terms.granter) not in set(map(name_key, listed)):
        names = "、".join(sorted(listed))
        fact = Text(f"{terms.granter} 不是有权作出此类批准的机关", f"{terms.granter} is not competent for this kind")
        yield Objection("/granter/name", fact, Text(f"有权机关：{names}", f"competent are: {names}"))


def _of_independence(app: App, terms: Terms) -> tuple[Objection, ...]:
    """Object to a granter that is the sponsor or of its department, and to a sponsor of which that cannot be told."""
    return tuple(_of_names(app, terms))


def _of_kinship(terms: Terms, *, is_kin: bool) -> tuple[Objection, ...]:
    """Object to a granter that the tree puts under the department of the sponsor, whatever the two are called."""
    if not is_kin:
        return ()
    fact = Text(
        f"按机构名录，{terms.granter} 与主办单位同属一个部门，不能为其批准",
        f"by the tree of organisations {terms.granter} is of the sponsor's department, and cannot grant it anything",
    )
    return (Objection("/granter", fact, _INDEPENDENT),)


def _of_names(app: App, terms: Terms) -> Iterator[Objection]:
    own = _own_names(app)
    if not own:
        fact = Text(
            "该应用没有声明主办单位，无法确认批准机关与其无关",
            "the app does not declare its sponsor, so that nobody can tell whether the granter is independent of it",
        )
        remedy = Text("先在清单中声明主办单位的名称", "declare the sponsor's name in the manifest first")
        yield Objection("/granter", fact, remedy)
    if name_key(terms.granter) in own:
        yield _dependent("/granter/name", terms.granter)
    if terms.granter_root_organ is not None and name_key(terms.granter_root_organ) in own:
        yield _dependent("/granter/root_organ", terms.granter_root_organ)
    if terms.granter_credit_code is not None and terms.granter_credit_code == app.credit_code:
        yield _dependent("/granter/credit_code", terms.granter_credit_code)


def _of_scope(manifest: Mapping[str, Any], terms: Terms) -> Iterator[Objection]:
    """Object to a feature or item that is not in the manifest, where that declares its features or its items."""
    features = manifest.get("features")
    if terms.feature is not None and features is not None:
        ids = [feature["id"] for feature in features if "id" in feature]
        if terms.feature not in ids:
            yield _absent("/feature", terms.feature, ids)
    parts = [manifest[part] for part in ("asks", "holdings") if part in manifest]
    if terms.item is not None and parts:
        items = (Item.model_construct(code=each.get("code"), name=each.get("name")) for part in parts for each in part)
        keys = [key for item in items if (key := item_key(item)) is not None]
        if terms.item not in keys:
            yield _absent("/item", terms.item, keys)


def of_sponsor(
    sponsor: Sponsor | None, grants: Iterable[Grant], relatives: Collection[str] = ()
) -> Iterator[Objection]:
    """Object to a manifest whose sponsor would be the granter of a grant that the app holds, or would be unknown.

    Args:
        sponsor: who the manifest says it is.
        grants: those that the app holds.
        relatives: ids of those among them whose granter the tree puts under the department of that sponsor.

    """
    named = sponsor or Sponsor()
    own = {name_key(name) for name in (named.name, named.root_organ) if name is not None}
    for grant in grants:
        if not own:
            fact = Text(
                f"该应用持有批准 {grant.id}，不能不声明主办单位",
                f"the app holds grant {grant.id}, so its sponsor cannot be left undeclared",
            )
            yield Objection("/sponsor", fact, Text("声明主办单位的名称", "declare the sponsor's name"))
            return
        is_same_unit = grant.granter_credit_code is not None and grant.granter_credit_code == named.credit_code
        names = {name_key(name) for name in (grant.granter, grant.granter_root_organ) if name is not None}
        if is_same_unit or names & own or grant.id in relatives:
            fact = Text(
                f"主办单位成了批准 {grant.id} 的批准机关，或与其同属一个部门",
                f"the sponsor would be of the department that gave grant {grant.id}",
            )
            yield Objection("/sponsor", fact, Text("先撤销该批准", "revoke that grant first"))


def _own_names(app: App) -> set[str]:
    return {name_key(name) for name in (app.sponsor, app.root_organ) if name is not None}


def _dependent(place: str, granter: str) -> Objection:
    fact = Text(
        f"{granter} 是该应用的主办单位或属于同一部门，不能为其批准",
        f"{granter} is the app's sponsor or of its department, and cannot grant it anything",
    )
    return Objection(place, fact, _INDEPENDENT)


def _absent(place: str, wanted: str, known: Iterable[str]) -> Objection:
    some = "、".join(sorted(set(known))[:_TOLD])
    fact = Text(f"该应用的清单中没有 {wanted}", f"the app's manifest has no {wanted}")
    remedy = Text(f"清单中有：{some}" if some else "清单中一个也没有", f"it has: {some}" if some else "it has none")
    return Objection(place, fact, remedy)
