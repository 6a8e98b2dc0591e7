"""Pages: templates of documents that people read in a browser and print, and how they are filled in."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from services.audit.formats import outline
from services.audit.formats.prose import word
from services.text import Lang, Text


def filled(template: str, lang: Lang, **values: Any) -> bytes:  # noqa: ANN401 - a template takes anything
    """Fill in a template; everything but markup of the template itself is escaped."""

    def name(key: str) -> str:
        return outline.heading(getattr(outline, key), lang)

    def said(text: Text) -> str:
        return text.in_(lang)

    page = _templates().get_template(template)
    return page.render(
        lang=lang, name=name, said=said, word=word, colon="：" if lang == "zh" else ": ", **values
    ).encode()


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("services.audit.formats", "pages"),
        autoescape=True,
        undefined=StrictUndefined,  # a name that a template misspells is an error, not a gap in a document
        trim_blocks=True,
        lstrip_blocks=True,
    )
