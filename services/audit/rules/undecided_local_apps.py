"""面向县以下单位的地方应用有清理整合决定并按期完成。

地方单位的应用已上线或下线中、到达乡级或村级的（县以下不含县本级），须有清理整合决定：保留的写明依据，整合、下线的写
明期限，并写明由谁、何时决定。期限已过的为违反；声明没有决定，或保留而没有依据的，转人工判断。

----

Local apps that face units below the county are decided upon, and the decision is on time.

A local sponsor's app that is online or retiring and reaches township or village level (below the county: the county
itself does not count) is kept on a named basis, or merged or retired by a day; by whom and when this was decided is
declared. A day that has passed is a violation. Declared that nothing was decided, or kept without a basis, is put to
a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Lack, NotAddressed, Satisfied
from services.audit.readings import addressed, contents, lacks, plans
from services.manifest import contradictions
from services.manifest.model import NONE
from services.manifest.terms import BELOW_COUNTY, Decision, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Consolidation


def below_county(case: Case) -> Iterator[Lack | NotAddressed]:
    """县以下单位: units of township or village level use the app or must supply it."""
    manifest = case.manifest
    if contents.stays_above(manifest, BELOW_COUNTY):
        yield NotAddressed(Text("应用不到达乡级和村级", "the app does not reach township or village level"))
    elif manifest.levels is None and BELOW_COUNTY.isdisjoint(
        level for _, level in contradictions.places_of_levels(manifest)
    ):
        yield lacks.undeclared("/levels")


LABEL = "12.4"
ADDRESSES = (addressed.local_sponsor, addressed.at_stage(Stage.ONLINE, Stage.RETIRING), below_county)
NOTHING = Text("没有面向县以下单位的应用", "there is no app that faces units below the county")


def check(case: Case) -> Iterator[Mark]:
    """Judge what was decided about the app."""
    decided = case.manifest.consolidation
    if decided is None:
        yield lacks.undeclared("/consolidation")
    elif decided == NONE:
        yield lacks.ask_person(
            "/consolidation",
            Text(
                "应用到达县以下单位，没有清理整合决定：是否已纳入清理整合？",
                "it reaches units below the county and nothing was decided: is it part of the clean-up?",
            ),
            Text(
                "决定保留、整合或下线并如实声明，或由审批部门核实",
                "decide to keep, merge or retire it and declare that, or have the authority verify it",
            ),
        )
    else:
        yield from _judge(case, decided)


def _judge(case: Case, decided: Consolidation) -> Iterator[Mark]:
    for part in ("decision", "decided_by", "decided_on"):
        if getattr(decided, part) is None:
            yield lacks.undeclared(f"/consolidation/{part}")
    if decided.decision == Decision.KEEP:
        if decided.basis == NONE:
            yield lacks.ask_person(
                "/consolidation/basis",
                Text("决定保留而没有依据：保留是否成立？", "it is kept without a basis: does that hold?"),
                Text(
                    "写明所依据的文件，或由审批部门核实",
                    "name the document it rests on, or have the authority verify it",
                ),
            )
        elif lack := plans.undocumented(decided.basis):
            yield lack
    elif decided.decision is not None and (late := plans.overdue(case, decided)):
        yield late
    yield Satisfied("/consolidation")
