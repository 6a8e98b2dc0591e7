"""The command line: `govapp check` and what goes with it, for vendors, sponsors and continuous integration.

It needs no account and, unless `--registry` is given, no network. The exit code is the outcome; see `ExitCode`. Most imports
stand inside the commands, so that each loads only what it uses.
"""

from __future__ import annotations

import os
import sys
from datetime import date, datetime, timedelta, timezone
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.text import Lang, Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.audit.formats.checked import Checked, Judged
    from services.manifest.reading import Media, Reading

Format = Literal["text", "json", "sarif"]
Service = Literal["registry", "audit"]

STDIN = "-"
PORTS: dict[Service, int] = {"registry": 8401, "audit": 8402}
NEEDED: dict[Service, tuple[str, ...]] = {"registry": ("fastapi", "uvicorn", "sqlmodel", "alembic"), "audit": ("fastapi", "uvicorn")}
"""The packages by which it is known that the extra of a service is installed."""
EXTRAS: dict[Service, str] = {"registry": "services", "audit": "web"}

# The law counts its days in Beijing, without summer time since 1991; a minimal system may lack the data of time zones.
_BEIJING = timezone(timedelta(hours=8))


class ExitCode(IntEnum):
    """The exit code of `govapp check`. Of several sources the gravest counts, in the order of this list."""

    UNREADABLE = 3
    VIOLATION = 1
    UNDETERMINED = 2
    NOT_JUDGED = 4
    APPROVED = 0


class Refusal(Exception):
    """Something that the caller can put right; it ends the program with a sentence and `ExitCode.UNREADABLE`."""

    def __init__(self, zh: str, en: str) -> None:
        """Say what is wrong, and how to put it right."""
        super().__init__(en)
        self.text = Text(zh, en)


app = typer.Typer(
    name="govapp",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="对照《整治形式主义为基层减负若干规定》第十二至十四条检查政务应用程序的清单 · "
    "Check manifests of government apps against Articles 12–14 of the burden-reduction provisions",
)

_Lang = Annotated[Lang, typer.Option(envvar="GOVAPP_LANG", help="语言 · language")]
_Output = Annotated[Path | None, typer.Option(metavar="FILE", help="写入文件 · write to a file")]


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="清单，YAML 或 JSON；- 为标准输入 · - is standard input")],
    registry: Annotated[
        str | None, typer.Option(metavar="URL", help="登记系统的地址 · where the registry listens")
    ] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="判断的日期，默认今天 · the day judged, by default today")] = None,
    format: Annotated[Format, typer.Option(help="输出格式 · format of the output")] = "text",
    lang: _Lang = "zh",
    output: _Output = None,
) -> None:
    """检查清单 · Check manifests. 退出码 Exit code: 0 通过 approve; 1 违反 violation; 2 待定 undetermined; 3 无法读取 unreadable; 4 不适用或已下线 out of scope or not running."""
    day = datetime.now(_BEIJING).date() if on is None else _day(on)
    if output is not None and any(each != STDIN and output.resolve() == Path(each).resolve() for each in files):
        raise Refusal(f"--output 会覆盖要检查的清单 {output}", f"--output would overwrite the manifest {output}")
    checked = _check_all(files, registry, day, lang)
    _write(_rendered(checked, format, lang, is_coloured=output is None and _is_coloured()), output)
    raise typer.Exit(worst(_exit_code(each) for each in checked))
