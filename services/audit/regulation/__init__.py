"""The law as data, one file per instrument."""

from __future__ import annotations

from services.audit.law import Law
from services.audit.regulation import burden_2024

LAW = Law((burden_2024.INSTRUMENT,))
"""Every instrument in force that apps are judged against."""

LAWS = {LAW.version: LAW}
"""Every version of the law that is held, by its name: the present one, and former and coming ones as they are added."""
