"""The ledger of an audit: checking all of it from outside, and keeping checkpoints to check it against."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.audit.cli.program import LangOption, OutputOption, Refusal, app, write
from services.audit.cli.receipts import FAILED, load, read_keys, read_text
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.audit_client import AuditClient

MOST_TOLD = 100

program = typer.Typer(no_args_is_help=True, help="审查服务的账本 · The ledger of an audit")
app.add_typer(program, name="ledger")

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="审查服务的地址 · where the audit listens")]


@program.command()
def verify(
    url: UrlArgument,
    jwks: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="自己保存的公钥，默认向服务取 · public keys you have kept"),
    ] = None,
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="自己保存的检查点，可写多次 · a checkpoint that was kept; may be repeated"),
    ] = None,
    lang: LangOption = "zh",
) -> None:
    """逐条核验账本 · Check every entry of the ledger.

    由各条目重新推算链和树，核对每份判定的收据、记录和清单，以及所有检查点。截去尾部的，只有自己保存的检查点能够发现。
    Chain and tree are worked out anew; receipt, record and manifest of every decision and all checkpoints are checked.
    Only a checkpoint that was kept elsewhere shows that the end was cut off.

    退出码 Exit code: 0 完好 intact, 1 被改动 tampered with, 3 无法读取 unreadable.
    """
    signing = load()
    from services.audit.ledger_checks import check

    with _client(url) as client:
        keys = signing.PublicKeys(client.keys()) if jwks is None else read_keys(jwks)
        found = check(client, keys, [read_text(each) for each in checkpoint or ()])
    if found.problems:
        said = [f"✗ {each.in_(lang)}\n" for each in found.problems[:MOST_TOLD]]
        more = len(found.problems) - len(said)
        said += [f"✗ {Text(f'另有 {more} 处', f'and {more} more').in_(lang)}\n"] if more else []
        write("".join(said), None)
        raise typer.Exit(FAILED)
    intact = Text(
        f"✓ 账本完好：{found.size} 条，核对检查点 {found.checkpoints} 个，树根 {found.root}",
        f"✓ the ledger is intact: {found.size} entries, {found.checkpoints} checkpoints, root {found.root}",
    )
    write(f"{intact.in_(lang)}\n", None)


@program.command()
def checkpoint(url: UrlArgument, output: OutputOption = None) -> None:
    """取一个签名的检查点，另行保存 · Have a signed checkpoint issued, to be kept elsewhere."""
    with _client(url) as client:
        write(client.checkpoint()["signed"] + "\n", output)


@contextmanager
def _client(url: str) -> Iterator[AuditClient]:
    from services.audit.audit_client import AuditClient, AuditUnavailable

    try:
        with AuditClient(url, os.environ.get("GOVAPP_TOKEN") or None) as client:
            yield client
    except AuditUnavailable as error:
        raise Refusal(f"审查服务没有答复：{error}", f"the audit gave no answer: {error}") from error
    except ValueError as error:
        raise Refusal(f"{url} 不是 http 或 https 地址", f"{url} is no address of http or https") from error
