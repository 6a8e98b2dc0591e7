"""上线应用纳入统一技术监管。

已上线的应用要写明统一技术监管的监管部门和登记编号。声明没有纳入的为违反，没有声明的为待定。

----

Online apps are under unified technical supervision.

An app that is online names the authority of its technical supervision and its registration there. Declared to have
none is a violation; undeclared, the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Satisfied
from services.audit.readings import addressed, lacks
from services.manifest.model import NONE
from services.manifest.terms import Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.2"
ADDRESSES = (addressed.at_stage(Stage.ONLINE),)
NOTHING = Text("应用没有上线", "the app is not online")
PLACE = "/supervision"


def check(case: Case) -> Iterator[Mark]:
    """Judge the technical supervision."""
    supervision = case.manifest.supervision
    if supervision is None:
        yield lacks.undeclared(PLACE)
    elif supervision == NONE:
        yield Finding(
            PLACE,
            Text("应用已上线而没有纳入统一技术监管", "the app is online without technical supervision"),
            Text(
                "纳入统一技术监管，写明监管部门和登记编号",
                "bring it under supervision; name the authority and the registration",
            ),
        )
    else:
        missing = [part for part in ("authority", "registration") if getattr(supervision, part) is None]
        yield from (lacks.undeclared(f"{PLACE}/{part}") for part in missing)
        yield Satisfied(PLACE)
