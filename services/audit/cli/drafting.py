"""Drafting a manifest: the template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.audit.cli.program import DASH, LangOption, Refusal, app, say, unwritable, write
from services.text import Text


@app.command()
def init(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="新文件，- 为标准输出 · a new file, - is standard output")
    ] = "manifest.yaml",
    lang: LangOption = "zh",
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件 · overwrite a file that exists")] = False,
) -> None:
    """写一份带说明的清单模板 · Write a template of a manifest with comments."""
    from services.manifest.template import template

    if file == DASH:
        write(template(lang), None)
        return
    try:
        with Path(file).open("w" if force else "x", encoding="utf-8", newline="\n") as new:
            new.write(template(lang))
    except FileExistsError:
        raise Refusal(f"{file} 已经存在；要覆盖请加 --force", f"{file} exists; to overwrite it add --force") from None
    except OSError as error:
        raise unwritable(file, error) from error
    say(
        Text(f"已写入 {file}。填写后检查：govapp check {file}", f"Wrote {file}. Fill it in, then: govapp check {file}"),
        lang,
    )
