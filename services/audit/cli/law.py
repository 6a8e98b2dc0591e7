"""The law on the command line: its rules, their pages, the schema of the manifest."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from services.audit.cli.program import LangOption, OutputOption, Refusal, app, write


@app.command()
def rules(lang: LangOption = "zh") -> None:
    """列出全部规则 · List every rule."""
    from services.audit.formats.explanation import table

    rows = table(lang)
    if not sys.stdout.isatty():
        write("".join("\t".join(row) + "\n" for row in rows), None)
        return
    from rich.console import Console
    from rich.table import Table

    heads = ("条款", "规则", "约束力", "合规状态") if lang == "zh" else ("Label", "Rule", "Strength", "Compliant state")
    shown = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        # Narrow terminals wrap the sentence; labels and ids stay whole, to be copied.
        shown.add_column(head, no_wrap=head != heads[-1], overflow="fold")
    for row in rows:
        shown.add_row(*row)
    Console(highlight=False).print(shown)


@app.command()
def explain(
    label: Annotated[str, typer.Argument(help="条款或规则，如 13.7、13.7a、forced_check_in · a provision or rule")],
    lang: LangOption = "zh",
) -> None:
    """解释一条规定及其规则 · Explain a provision and its rules."""
    from services.audit.formats import explanation

    try:
        write(explanation.explain(label, lang), None)
    except KeyError:
        near = explanation.near(label)
        zh, en = (f"是否为 {'、'.join(near)}？", f"did you mean {', '.join(near)}?") if near else ("", "")
        raise Refusal(
            f"没有“{label}”这条规定或规则。{zh or 'govapp rules 列出全部规则。'}",
            f"there is no provision or rule “{label}”; {en or 'govapp rules lists every rule'}",
        ) from None


@app.command()
def schema(output: OutputOption = None) -> None:
    """输出清单的 JSON Schema，供编辑器使用 · Give the JSON Schema of the manifest, for editors."""
    from services.manifest.schema import render

    write(render(), output)


@app.command()
def catalog(lang: LangOption = "zh", output: OutputOption = None) -> None:
    """输出 OSCAL 目录形式的法规 · Give the law as an OSCAL catalog."""
    from services.audit.formats import oscal

    write(oscal.catalog(lang), output)
