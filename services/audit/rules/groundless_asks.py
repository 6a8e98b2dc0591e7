"""向基层要数据材料有依据。

每一项向县级及以下单位要的数据材料，都要写明可以引用的依据：文件名称和文号，或条款。声明没有依据的为违反；有名称而无
从引用的转人工判断。

----

Every ask of the grassroots has a basis.

Each item asked of units at county level or below names a basis that can be cited: a document's title and its number
or article. Declared to have none is a violation; a text without a citable document is put to a person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.audit.law import Finding, Lack, Satisfied
from services.audit.readings import contents, lacks
from services.manifest.model import NONE
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.law import Case, Mark
    from services.manifest.model import Ask

LABEL = "12.5"
ADDRESSES = ()
NOTHING = Text("没有向基层要数据材料", "nothing is asked of the grassroots")


def check(case: Case) -> Iterator[Mark]:
    """Judge the basis of every ask of the grassroots."""
    for each in contents.grassroots_asks(case):
        yield each if isinstance(each, Lack) else _judge(*each)


def _judge(place: str, ask: Ask) -> Mark:
    place, basis = f"{place}/basis", ask.basis
    if basis is None:
        return lacks.undeclared(place)
    if basis != NONE and basis.title is not None and (basis.number is not None or basis.article is not None):
        return Satisfied(place)
    name = contents.called_item(ask)
    if basis == NONE:
        return Finding(
            place,
            Text(f"要{name.zh}没有依据", f"{name.en} is asked for without a basis"),
            Text(
                "写明所依据的文件和文号；没有依据的不再要求报送",
                "name the document and its number; without one, ask no more",
            ),
        )
    return lacks.ask_person(
        place,
        Text(
            f"要{name.zh}的依据没有可引用的文件和文号：依据是否成立？",
            f"the basis for asking {name.en} cites no document with a number: does it hold?",
        ),
        Text(
            "补充文件名称和文号或条款，或由审批部门核实",
            "add the document's title and its number or article, or have the authority verify it",
        ),
    )
