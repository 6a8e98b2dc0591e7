"""Why something is done: what every change must say, and the history keeps."""

from typing import Annotated

from pydantic import AfterValidator

from services.manifest.values import Line, unacceptable
from services.text import Text


def _said(text: str) -> str:
    if text.isspace():
        fact = Text("理由是空白的。", "The reason is blank.")
        raise unacceptable("blank", fact, Text("写明为何这样做。", "Say why it is done."))
    return text


Why = Annotated[Line, AfterValidator(_said)]
"""One line that says why something is done; never blank."""
