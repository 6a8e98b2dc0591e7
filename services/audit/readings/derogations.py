"""原则上、一般: a provision that is a principle gives way to a derogation on record (例外批准)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from services.audit.law import Exemption
from services.audit.readings import lacks
from services.manifest.neighbourhood import GrantKind
from services.text import Text

if TYPE_CHECKING:
    from services.audit.law import Case, Finding, Lack


class Part(NamedTuple):
    """A part of the app that a derogation may be given for: its id, and the JSON pointer where that is declared."""

    id: str | None
    place: str


def unless_granted(
    case: Case, label: str, finding: Finding, *, feature: Part | None = None, item: Part | None = None
) -> Finding | Lack | Exemption:
    """Let a breach stand unless a derogation covers the app, or the feature or item in question.

    Without an answer of the registry, or while a derogation may cover a part whose id is undeclared, nothing is held
    against the app.
    """
    if case.neighbourhood is None:
        return lacks.registry_silent(finding.place)
    granted = case.grants(GrantKind.DEROGATION, provision=label, feature=feature and feature.id, item=item and item.id)
    if granted:
        reason = Text("登记有对本条的例外批准", "a derogation from this provision is on record")
        return Exemption(finding.place, reason, tuple(sorted(grant.id for grant in granted)))
    return _unnamed(case, label, feature=feature, item=item) or finding


def _unnamed(case: Case, label: str, *, feature: Part | None, item: Part | None) -> Lack | None:
    """Ask for the id of a part that some derogation in force may have been given for."""
    for grant in () if case.neighbourhood is None else case.neighbourhood.grants:
        if grant.kind != GrantKind.DEROGATION or grant.provision != label or not grant.in_force(case.on):
            continue
        pairs = ((grant.feature, feature), (grant.item, item))
        named = [(scope, part) for scope, part in pairs if scope is not None]
        if all(part is not None and part.id in {None, scope} for scope, part in named):
            return next(lacks.undeclared(part.place) for _, part in named if part is not None and part.id is None)
    return None
