"""Ordering a sweep of an audit service, and watching how far it has come."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.audit.cli.program import ExitCode, LangOption, OutputOption, Refusal, app, say, write
from services.text import Lang, Text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from services.audit.audit_client import AuditClient

_LOOK_S = 0.5
_WAIT_S = 10.0
_ENDED = {
    "cancelled": Text("筛查已取消", "the sweep was cancelled"),
    "failed": Text("筛查失败", "the sweep has failed"),
}


@app.command()
def sweep(
    audit: Annotated[
        str, typer.Option(metavar="URL", envvar="GOVAPP_AUDIT", help="审查服务的地址 · where the audit listens")
    ] = "http://127.0.0.1:8402",
    on: Annotated[str | None, typer.Option(metavar="DATE", help="判断的日期，默认今天 · the day judged")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", metavar="NAME=VALUE", help="登记系统的筛选条件，可写多次 · a condition; may be repeated"
        ),
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="ID", help="只看这一次筛查，不新开 · watch this one instead of a new one")
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="完成后跟随登记系统，逐行写出变化（JSON），直到中断"
            " · stay current after it was done, and write what changes, a line of JSON each, until interrupted",
        ),
    ] = False,
    output: OutputOption = None,
    lang: LangOption = "zh",
) -> None:
    """筛查全部或部分登记的应用 · Sweep all registered apps, or some.

    在终端中显示进度；结果为 JSON：筛查本身和各规则的统计。中断（Ctrl-C）不会停止筛查，以 --resume ID 再看。
    Shows how far it has come on a terminal; the result is JSON: the sweep, and statistics by rule. An interrupt does
    not end the sweep; watch it again with --resume ID.

    退出码 Exit code: 0 完成 done, 3 无法进行 refused, 4 取消或失败 cancelled or failed.
    """
    import orjson

    with _client(audit) as client:
        conditions = _conditions(only or ())
        made = client.sweep(resume) if resume is not None else client.begin_sweep(conditions, on, follows=follow)
        if follow and not made["follows"]:
            raise Refusal(f"{made['id']} 不跟随登记系统", f"{made['id']} does not follow the registry")
        ended = _watched(client, made, lang)
        if follow and ended["state"] in {"following", "done"}:
            _write_changes(client, ended["id"], output, lang)
        if ended["state"] not in {"done", "following"}:
            text, reason = _ENDED[ended["state"]], ended["reason"] or ""
            say(Text(f"{text.zh} {reason}", f"{text.en} {reason}"), lang)
            raise typer.Exit(ExitCode.NOT_JUDGED)
        told = {"sweep": ended, "statistics": client.sweep_statistics(ended["id"])}
    write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE), output)


def _conditions(said: list[str] | tuple[()]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in said:
        name, equals, value = each.partition("=")
        if not equals:
            raise Refusal(f"--only {each} 不是 NAME=VALUE", f"--only {each} is not NAME=VALUE")
        found.setdefault(name.strip(), []).append(value)
    return found


def _watched(client: AuditClient, sweep: dict[str, Any], lang: Lang) -> dict[str, Any]:
    """Wait until a sweep has ended, showing how far it has come."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(file=sys.stderr)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    said = Text("筛查", "sweep").in_(lang)
    with Progress(*columns, console=console, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(f"{said} {sweep['id']}", total=sweep["total"] or None)
        while sweep["state"] == "running":
            progress.update(task, completed=sweep["done"])
            time.sleep(_LOOK_S)
            sweep = client.sweep(sweep["id"])
        progress.update(task, completed=sweep["done"])
    return sweep


def _write_changes(client: AuditClient, id: str, output: Path | None, lang: Lang) -> None:
    """Write what changes in a sweep and those after it, a line of JSON each, until interrupted or until it ends."""
    import orjson

    since = 0
    say(Text(f"{id} 跟随登记系统，Ctrl-C 结束", f"{id} follows the registry; Ctrl-C ends this"), lang)
    with nullcontext(sys.stdout.buffer) if output is None else output.open("ab") as file:
        while True:
            page = client.sweep_changes(id, since, _WAIT_S)
            for each in page["items"]:
                file.write(orjson.dumps(each, option=orjson.OPT_APPEND_NEWLINE))
            file.flush()
            since = page["next"]
            if page["items"]:
                continue
            # The last of the chain says whether there is anything to wait for.
            told = client.sweep(id)
            while told["succeeded_by"] is not None:
                told = client.sweep(told["succeeded_by"])
            if told["state"] in _ENDED:
                text, reason = _ENDED[told["state"]], told["reason"] or ""
                say(Text(f"{text.zh} {reason}", f"{text.en} {reason}"), lang)
                raise typer.Exit(ExitCode.NOT_JUDGED)


@contextmanager
def _client(url: str) -> Iterator[AuditClient]:
    from services.audit.audit_client import AuditClient, AuditRefused, AuditUnavailable

    try:
        with AuditClient(url, os.environ.get("GOVAPP_TOKEN") or None) as client:
            yield client
    except AuditRefused as error:
        raise Refusal(f"审查服务不接受：{error}", f"the audit refuses it: {error}") from error
    except AuditUnavailable as error:
        raise Refusal(f"审查服务没有答复：{error}", f"the audit gave no answer: {error}") from error
    except ValueError as error:
        raise Refusal(f"{url} 不是 http 或 https 地址", f"{url} is no address of http or https") from error
