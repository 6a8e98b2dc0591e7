"""The language server, asked by a client over standard input and output, as an editor does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

BROKEN = """\
manifest: "1"
id: example-clock
name: 示例😀打卡
kind: app
stage: online
features:
  - id: clock
    kind: check_in
    forced: true
"""
TIME_LIMIT_S = 60


class Editor(LanguageClient):
    """An editor that keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.shown: asyncio.Queue[types.PublishDiagnosticsParams] = asyncio.Queue()

        @self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator] # published without types
        def keep(params: types.PublishDiagnosticsParams) -> None:
            self.shown.put_nowait(params)

    def open(self, uri: str, text: str, language: str = "yaml") -> None:
        """Open a document."""
        item = types.TextDocumentItem(uri, language, 1, text)
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, uri: str, version: int, text: str) -> None:
        """Write a document anew."""
        whole = types.TextDocumentContentChangeWholeDocument(text)
        known = types.VersionedTextDocumentIdentifier(version, uri)
        self.text_document_did_change(types.DidChangeTextDocumentParams(known, [whole]))


def in_editor(scenario: Callable[[Editor], Awaitable[None]], *options: str) -> None:
    """Play a scenario in an editor with a language server of its own."""

    async def play() -> None:
        editor = Editor()
        await editor.start_io(str(Path(sys.executable).parent / "govapp"), "lsp", *options)
        await editor.initialize_async(types.InitializeParams(types.ClientCapabilities()))
        editor.initialized(types.InitializedParams())
        try:
            await scenario(editor)
            await editor.shutdown_async(None)
        finally:
            editor.exit(None)
            await editor.stop()  # type: ignore[no-untyped-call] # published without types

    asyncio.run(asyncio.wait_for(play(), TIME_LIMIT_S))


def test_findings_are_shown_while_a_manifest_is_written_and_go_when_it_is_mended() -> None:
    async def scenario(editor: Editor) -> None:
        uri = "file:///example/manifest.yaml"
        editor.open(uri, BROKEN)
        shown = await editor.shown.get()
        check_in = [each for each in shown.diagnostics if each.code == "13.7a"]
        assert shown.version == 1
        assert [each.severity for each in check_in] == [types.DiagnosticSeverity.Error]
        assert check_in[0].source == "govapp"
        assert "打卡" in check_in[0].message
        line = BROKEN.splitlines()[check_in[0].range.start.line]
        assert line.strip().split(":")[0] in {"kind", "forced", "- id"}

        editor.change(uri, 2, BROKEN.replace("forced: true", "forced: false"))
        mended = await editor.shown.get()
        assert mended.version == 2
        assert not [each for each in mended.diagnostics if each.severity == types.DiagnosticSeverity.Error]

        editor.change(uri, 3, BROKEN.replace("kind: app", "kind: apps: ["))
        broken = await editor.shown.get()
        assert [each.severity for each in broken.diagnostics][:1] == [types.DiagnosticSeverity.Error]

        editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(uri)))
        assert not (await editor.shown.get()).diagnostics

    in_editor(scenario)


def test_only_the_last_of_several_changes_is_judged() -> None:
    async def scenario(editor: Editor) -> None:
        uri = "file:///example/manifest.yaml"
        editor.open(uri, BROKEN)
        await editor.shown.get()
        for version in range(2, 12):
            editor.change(uri, version, BROKEN)
        assert (await editor.shown.get()).version == 11
        assert editor.shown.empty()

    in_editor(scenario)


def test_columns_are_counted_as_the_editor_counts_them() -> None:
    async def scenario(editor: Editor) -> None:
        text = '{"manifest": "1", "id": "😀", "kind": "apps"}'
        editor.open("file:///example/manifest.json", text, "json")
        problems = {each.message.splitlines()[0]: each.range.start for each in (await editor.shown.get()).diagnostics}
        (kind,) = [place for said, place in problems.items() if "apps" in said]
        # The face takes two units of UTF-16, which editors count by default.
        assert kind.character == text.index('"apps"') + 1

    in_editor(scenario)


def test_other_documents_are_left_alone() -> None:
    async def scenario(editor: Editor) -> None:
        editor.open("file:///example/compose.yaml", "services:\n  web: {}\n")
        assert not (await editor.shown.get()).diagnostics

    in_editor(scenario)


@pytest.mark.parametrize(("lang", "wanted"), [("zh", "不得"), ("en", "our translation")])
def test_hovering_over_a_finding_explains_its_provision(lang: str, wanted: str) -> None:
    async def scenario(editor: Editor) -> None:
        uri = "file:///example/manifest.yaml"
        editor.open(uri, BROKEN)
        shown = await editor.shown.get()
        place = next(each.range.start for each in shown.diagnostics if each.code == "13.7a")
        document = types.TextDocumentIdentifier(uri)
        hover = await editor.text_document_hover_async(types.HoverParams(document, place))
        assert hover is not None
        assert isinstance(hover.contents, types.MarkupContent)
        assert "13.7" in hover.contents.value
        assert wanted in hover.contents.value
        nothing = types.HoverParams(document, types.Position(2, 0))
        assert await editor.text_document_hover_async(nothing) is None

    in_editor(scenario, "--lang", lang)
