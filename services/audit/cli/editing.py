"""Checking in an editor."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from services.audit.cli.program import LangOption, Refusal, app, version


@app.command()
def lsp(
    registry: Annotated[
        str | None, typer.Option(metavar="URL", help="登记系统的地址 · where the registry listens")
    ] = None,
    lang: LangOption = "zh",
) -> None:
    """启动语言服务器，供编辑器边写边查 · Run the language server for editors.

    经标准输入输出与编辑器通信 · It speaks over standard input and output.
    """
    from services.audit.checks import Checks
    from services.audit.registry_client import RegistryClient, RegistryOptions

    try:
        from services.audit.editor import create_server
    except ModuleNotFoundError as error:
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[editor]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[editor]'",
        ) from error
    try:
        options = None if registry is None else RegistryOptions(registry, token=os.environ.get("GOVAPP_TOKEN") or None)
        checks = Checks() if options is None else Checks(RegistryClient(options))
    except ValueError:
        raise Refusal(
            f"--registry {registry} 不是 http 或 https 地址", f"--registry {registry} is no address of http or https"
        ) from None
    create_server(checks, lang=lang, version=version()).start_io()
