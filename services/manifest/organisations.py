"""What is recorded of the sponsor of an app in the tree of organisations, and where a manifest says otherwise.

The tree is kept by the registry. The department of a sponsor is the organ at the root above it, whatever the manifest
claims; a claim that contradicts the tree is told, never followed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.manifest import divisions
from services.manifest.contradictions import Contradiction
from services.manifest.neighbourhood import FoundBy
from services.manifest.terms import Term
from services.manifest.ties import name_key
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.manifest.model import Sponsor
    from services.manifest.neighbourhood import Recorded


def contradictions(sponsor: Sponsor | None, recorded: Recorded | None) -> Iterator[Contradiction]:
    """Find where a manifest says of its sponsor what the tree does not, in the order of the fields.

    What the manifest leaves undeclared, or the tree does not record, contradicts nothing. A former name is a name.
    """
    if sponsor is None or recorded is None:
        return
    if recorded.by != FoundBy.ROOT_ORGAN:
        yield from _of_sponsor(sponsor, recorded)
    claimed = sponsor.root_organ
    if claimed is not None and name_key(claimed) not in set(map(name_key, recorded.department_names)):
        yield _otherwise("root_organ", claimed, f"{recorded.department_names[0]}（{recorded.department}）")


def _of_sponsor(sponsor: Sponsor, recorded: Recorded) -> Iterator[Contradiction]:
    if sponsor.name is not None and name_key(sponsor.name) not in set(map(name_key, recorded.names)):
        yield _otherwise("name", sponsor.name, recorded.names[0])
    if sponsor.credit_code not in {None, recorded.code}:
        yield _otherwise("credit_code", str(sponsor.credit_code), recorded.code)
    if recorded.ended_on is not None:
        fact = Text(
            f"{recorded.names[0]} 已于 {recorded.ended_on} 撤销或并入其他单位",
            f"{recorded.names[0]} was dissolved or merged on {recorded.ended_on}",
        )
        yield Contradiction("/sponsor", fact, Text("写明现在的主办单位", "declare the unit that runs the app now"))
    words: tuple[tuple[str, Term | None, Term | None], ...] = (
        ("level", sponsor.level, recorded.level),
        ("nature", sponsor.nature, recorded.nature),
        ("managed_by", sponsor.managed_by, recorded.managed_by),
    )
    for field, said, known in words:
        if said is not None and known is not None and said != known:
            yield _otherwise(field, said, known)
    if sponsor.division is not None and recorded.division is not None:
        here, there = divisions.normalise(sponsor.division), divisions.normalise(recorded.division)
        if here != there:
            yield _otherwise("division", divisions.full_name(here) or here, divisions.full_name(there) or there)


def _otherwise(field: str, said: str | Term, known: str | Term) -> Contradiction:
    zh = [each.zh if isinstance(each, Term) else each for each in (said, known)]
    en = [each.en if isinstance(each, Term) else each for each in (said, known)]
    fact = Text(
        f"清单声明为 {zh[0]}，机构名录中为 {zh[1]}", f"the manifest says {en[0]}, the register of organisations {en[1]}"
    )
    remedy = Text(
        "更正清单；名录有误的，请登记机关更正名录",
        "correct the manifest, or have the register of organisations corrected",
    )
    return Contradiction(f"/sponsor/{field}", fact, remedy)
