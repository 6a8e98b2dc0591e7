"""A sentence said in Chinese and in English."""

from __future__ import annotations

from typing import Literal

from services.record import record

Lang = Literal["zh", "en"]


@record
class Text:
    """The same sentence in Chinese (`zh`) and English (`en`)."""

    zh: str
    en: str

    def in_(self, lang: Lang) -> str:
        """Give the sentence in the language asked for."""
        return self.zh if lang == "zh" else self.en
