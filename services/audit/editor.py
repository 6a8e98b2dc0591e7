"""The language server: an editor shows what a check tells while a manifest is written, from the same engine.

A document is a manifest when it says so with the field `manifest` at its top, so that the other YAML and JSON files of
an editor stay untouched. It is read and judged a moment after the last change; what is broken meanwhile is told as any
other problem, with its place and remedy.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from services.audit.clock import today
from services.audit.formats import explanation, outline
from services.audit.formats.checked import Judged, Refused
from services.audit.law import LackKind, Verdict
from services.audit.sources import media_of_name
from services.manifest.reading import Unreadable, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from pygls.workspace import TextDocument

    from services.audit.checks import Checks
    from services.audit.formats.outline import Item, Where
    from services.text import Lang

SOURCE = "govapp"
PAUSE_S = 0.25
"""Seconds without a change after which a document is judged."""

SEVERITIES = {
    Verdict.VIOLATION: types.DiagnosticSeverity.Error,
    LackKind.DECLARATION: types.DiagnosticSeverity.Warning,
    LackKind.PERSON: types.DiagnosticSeverity.Information,
    LackKind.REGISTRY: types.DiagnosticSeverity.Information,
    Verdict.EXEMPT: types.DiagnosticSeverity.Hint,
}
"""How grave an editor shows what is told; what keeps a document from being read is an error."""

_SAYS_MANIFEST = re.compile(r"""^\s*(\{\s*)?["']?manifest["']?\s*:""", re.MULTILINE)


def is_manifest(text: str) -> bool:
    """Tell whether a document says that it is a manifest, also while the rest of it cannot be read."""
    return _SAYS_MANIFEST.search(text) is not None


@dataclass(frozen=True, slots=True)
class Told:
    """What is shown at one place: in characters, from 0, as Python counts them."""

    line: int
    column: int
    kind: Verdict | LackKind | None
    rule: str | None
    message: str


class ManifestServer(LanguageServer):
    """A language server that judges the open manifests."""

    def __init__(self, checks: Checks, *, lang: Lang, version: str, on: date | None = None) -> None:
        """Take what judges, the language of messages, and the day judged; None: always the present day."""
        super().__init__("govapp", version)
        self._checks = checks
        self._lang = lang
        self._on = on
        self._judging: dict[str, asyncio.Task[None]] = {}

    def judge_soon(self, uri: str, *, pause_s: float = PAUSE_S) -> None:
        """Judge a document after a pause; a further change meanwhile begins the pause anew."""
        self.stop_judging(uri)
        self._judging[uri] = asyncio.get_running_loop().create_task(self._judge(uri, pause_s))

    def stop_judging(self, uri: str) -> None:
        """Judge a document no more, because it changed or was closed."""
        if (running := self._judging.pop(uri, None)) is not None:
            running.cancel()

    def clear(self, uri: str) -> None:
        """Show nothing of a document any more."""
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def _judge(self, uri: str, pause_s: float) -> None:
        await asyncio.sleep(pause_s)
        document = self.workspace.get_text_document(uri)
        shown = [self._diagnostic(document, each) for each in await self.told(uri, document.source)]
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, shown, document.version))

    async def told(self, uri: str, text: str) -> list[Told]:
        """Tell everything a check finds in a document, in the order of the report; nothing when it is no manifest."""
        if not is_manifest(text):
            return []
        name = to_fs_path(uri) or uri
        try:
            reading = await asyncio.to_thread(read, text.encode("utf-8", "replace"), media=media_of_name(name, text))
        except Unreadable as error:
            refused = outline.outline(Refused(name, error.problems), self._lang)
            return [_told(None, each, where) for each in refused.problems for where in each.places]
        report = await self._checks.check(reading.manifest, self._on or today())
        judged = outline.outline(Judged(name, report, reading.positions, reading.manifest), self._lang)
        return [
            _told(section.kind, item, where)
            for section in judged.sections
            for topic in section.topics
            for item in topic.items
            for where in item.places
        ]

    def explained(self, rules: Iterator[str] | Sequence[str]) -> str:
        """Explain some rules by their labels, as Markdown."""
        return "\n\n---\n\n".join(explanation.explain(each, self._lang) for each in dict.fromkeys(rules))

    def _diagnostic(self, document: TextDocument, told: Told) -> types.Diagnostic:
        lines = document.lines
        written = lines[told.line].rstrip() if told.line < len(lines) else ""
        # A value has a beginning; what follows it on its line belongs to it, so that something can be underlined.
        start = types.Position(told.line, min(told.column, len(written)))
        end = types.Position(told.line, max(len(written), told.column))
        units = document.position_codec.range_to_client_units(lines, types.Range(start, end))
        severity = types.DiagnosticSeverity.Error if told.kind is None else SEVERITIES[told.kind]
        return types.Diagnostic(units, told.message, severity=severity, code=told.rule, source=SOURCE)


def create_server(checks: Checks, *, lang: Lang, version: str, on: date | None = None) -> ManifestServer:
    """Make the language server, with what it answers to editors."""
    server = ManifestServer(checks, lang=lang, version=version, on=on)

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.judge_soon(params.text_document.uri, pause_s=0)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.judge_soon(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: types.DidSaveTextDocumentParams) -> None:
        server.judge_soon(params.text_document.uri, pause_s=0)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.stop_judging(params.text_document.uri)
        server.clear(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_HOVER)
    async def hover(params: types.HoverParams) -> types.Hover | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        told = await server.told(params.text_document.uri, document.source)
        rules = [each.rule for each in told if each.line == params.position.line and each.rule is not None]
        if not rules:
            return None
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, server.explained(rules)))

    return server


def _told(kind: Verdict | LackKind | None, item: Item, where: Where) -> Told:
    called = f"{where.rule} {where.title}\n" if where.rule else ""
    remedy = f"\n{item.remedy}" if item.remedy else ""
    return Told((where.line or 1) - 1, (where.column or 1) - 1, kind, where.rule, f"{called}{item.fact}{remedy}")
