"""行业统一应用向地方开放权限。

角色为行业统一应用的，上线后要写明向地方开放的功能项。声明没有开放的为违反，没有声明的为待定。

----

A sector's unified app opens its functions to localities.

A sector's unified app that is online names the functions it opens to localities. Declared to open none is a
violation; undeclared, the rule is undetermined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Satisfied
from services.audit.readings import addressed, lacks
from services.manifest.model import NONE
from services.manifest.terms import Role, Stage
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark

LABEL = "13.4"
ADDRESSES = (addressed.only_role(Role.SECTOR_UNIFIED), addressed.at_stage(Stage.ONLINE))
NOTHING = Text("应用不是已上线的行业统一应用", "the app is no sector's unified app online")
PLACE = "/opened_functions"


def check(case: Case) -> Iterator[Mark]:
    """Judge what a sector's unified app opens to localities."""
    opened = case.manifest.opened_functions
    if opened is None:
        yield lacks.undeclared(PLACE)
    elif opened == NONE:
        yield Finding(
            PLACE,
            Text("行业统一应用没有向地方开放任何功能项", "the sector's unified app opens no function to localities"),
            Text(
                "向地方开放相关权限，写明开放的功能项",
                "open the relevant permissions to localities and name the functions",
            ),
        )
    else:
        yield Satisfied(PLACE)
