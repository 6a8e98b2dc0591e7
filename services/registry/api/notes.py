"""Telling where a manifest that was recorded does not agree with what is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from services.registry.notes import notes
from services.registry.store import sponsors

if TYPE_CHECKING:
    from services.manifest.contradictions import Contradiction
    from services.manifest.model import Manifest
    from services.registry.api.desk import Desk
    from services.text import Lang


class Note(BaseModel):
    """Where the manifest does not agree with what is known."""

    model_config = ConfigDict(frozen=True)

    pointer: str = Field(description="清单中的位置（JSON 指针） · JSON pointer into the manifest")
    detail: str = Field(description="不一致之处 · what does not agree")
    remedy: str = Field(description="怎么办 · what to do")


def told_note(note: Contradiction, lang: Lang) -> dict[str, str]:
    """Tell a note, as `Note` describes it."""
    return {"pointer": note.place, "detail": note.fact.in_(lang), "remedy": note.remedy.in_(lang)}


def notes_on(desk: Desk, manifest: Manifest, lang: Lang) -> list[dict[str, str]]:
    """Tell all that a manifest should be told, by what is known now: work for a thread, as it reads the tree."""
    sponsor = sponsors.Named.of(manifest.sponsor)
    with desk.database.reading() as connection:
        recorded = sponsors.find(connection, [sponsor]).get(sponsor)
    return [told_note(each, lang) for each in notes(manifest, recorded, desk.database.today())]
