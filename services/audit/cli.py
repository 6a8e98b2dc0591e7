"""The command line: `govapp check` and what goes with it, for vendors, sponsors and continuous integration.

It needs no account and, unless `--registry` is given, no network. The exit code is the outcome; see `ExitCode`. Most
imports stand inside the commands, so that each loads only what it uses.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from datetime import date
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from services.audit.clock import today
from services.text import Lang, Text

if TYPE_CHECKING:
    from services.audit.formats.checked import Checked
    from services.audit.law import Report
    from services.manifest.model import Manifest
    from services.manifest.reading import Reading

Format = Literal["text", "json", "sarif"]
Service = Literal["registry", "audit"]

DASH = "-"
"""Stands for standard input or output instead of a file."""

PORTS: dict[Service, int] = {"registry": 8401, "audit": 8402}
EXTRAS: dict[Service, str] = {"registry": "services", "audit": "web"}


class ExitCode(IntEnum):
    """The exit code of `govapp check`. Of several sources the gravest counts, in the order of this list."""

    UNREADABLE = 3
    VIOLATION = 1
    UNDETERMINED = 2
    NOT_JUDGED = 4
    APPROVED = 0


INTERRUPTED = 130
BROKEN_PIPE = 141
"""Exit codes of a program that a signal ends, as shells count them."""


class Refusal(Exception):
    """Something that the caller can put right; it ends the program with a sentence and `ExitCode.UNREADABLE`."""

    def __init__(self, zh: str, en: str) -> None:
        """Say what is wrong, and how to put it right."""
        super().__init__(en)
        self.text = Text(zh, en)


class ReaderGone(Exception):
    """Whoever read standard output has gone; told apart from other errors before the library below answers it."""


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="对照《整治形式主义为基层减负若干规定》第十二至十四条检查政务应用程序的清单。\n\n"
    "Checks the manifests of government apps against Articles 12–14 of the provisions on reducing burdens.",
)

_Lang = Annotated[Lang, typer.Option("--lang", envvar="GOVAPP_LANG", help="语言 · language")]
_Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="写入文件 · write to a file")]
_Files = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="清单（YAML 或 JSON），- 为标准输入 · manifests, - is standard input"),
]
_Registry = Annotated[str | None, typer.Option(metavar="URL", help="登记系统的地址 · where the registry listens")]
_On = Annotated[
    str | None, typer.Option(metavar="DATE", help="判断的日期，默认今天 · the day judged, by default today")
]


@app.command()
def check(
    files: _Files,
    registry: _Registry = None,
    on: _On = None,
    format: Annotated[Format, typer.Option(help="输出格式 · format of the output")] = "text",
    lang: _Lang = "zh",
    output: _Output = None,
) -> None:
    """检查清单 · Check manifests.

    退出码 Exit code: 0 通过 approve, 1 违反 violation, 2 待定 undetermined, 3 无法读取 unreadable,
    4 不适用或已下线 out of scope or not running.
    """
    day = today() if on is None else _day(on)
    if output is not None and any(each != DASH and output.resolve() == Path(each).resolve() for each in files):
        raise Refusal(f"--output 会覆盖要检查的清单 {output}", f"--output would overwrite the manifest {output}")
    checked = _check_all(files, registry, day, lang)
    _write(_rendered(checked, format, lang, is_coloured=output is None and _is_coloured()), output)
    raise typer.Exit(gravest(_exit_code(each) for each in checked))


@app.command()
def init(
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="新文件，- 为标准输出 · a new file, - is standard output")
    ] = "manifest.yaml",
    lang: _Lang = "zh",
    force: Annotated[bool, typer.Option("--force", help="覆盖已有的文件 · overwrite a file that exists")] = False,
) -> None:
    """写一份带说明的清单模板 · Write a template of a manifest with comments."""
    from services.manifest.template import template

    if file == DASH:
        _write(template(lang), None)
        return
    try:
        with Path(file).open("w" if force else "x", encoding="utf-8", newline="\n") as new:
            new.write(template(lang))
    except FileExistsError:
        raise Refusal(f"{file} 已经存在；要覆盖请加 --force", f"{file} exists; to overwrite it add --force") from None
    except OSError as error:
        raise _unwritable(file, error) from error
    _say(
        Text(f"已写入 {file}。填写后检查：govapp check {file}", f"Wrote {file}. Fill it in, then: govapp check {file}"),
        lang,
    )


@app.command()
def rules(lang: _Lang = "zh") -> None:
    """列出全部规则 · List every rule."""
    from services.audit.formats.explanation import table

    rows = table(lang)
    if not sys.stdout.isatty():
        _write("".join("\t".join(row) + "\n" for row in rows), None)
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
    lang: _Lang = "zh",
) -> None:
    """解释一条规定及其规则 · Explain a provision and its rules."""
    from services.audit.formats import explanation

    try:
        _write(explanation.explain(label, lang), None)
    except KeyError:
        near = explanation.near(label)
        zh, en = (f"是否为 {'、'.join(near)}？", f"did you mean {', '.join(near)}?") if near else ("", "")
        raise Refusal(
            f"没有“{label}”这条规定或规则。{zh or 'govapp rules 列出全部规则。'}",
            f"there is no provision or rule “{label}”; {en or 'govapp rules lists every rule'}",
        ) from None


@app.command()
def schema(output: _Output = None) -> None:
    """输出清单的 JSON Schema，供编辑器使用 · Give the JSON Schema of the manifest, for editors."""
    from services.manifest.schema import render

    _write(render(), output)


@app.command()
def serve(
    service: Annotated[Service, typer.Argument(help="登记或审查服务 · which service")],
    host: Annotated[str, typer.Option(help="监听地址 · address to listen on")] = "127.0.0.1",
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="端口，登记 8401，审查 8402 · registry 8401, audit 8402")
    ] = None,
) -> None:
    """启动一个服务 · Run a service.

    设置取自环境变量 · Settings come from the environment.
    """
    from importlib import import_module

    from pydantic import ValidationError

    try:
        main = import_module(f"services.{service}.main")
    except ModuleNotFoundError as error:
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[{EXTRAS[service]}]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[{EXTRAS[service]}]'",
        ) from error
    try:
        main.serve(host, PORTS[service] if port is None else port)
    except ValidationError as error:
        names = ["__".join(map(str, each["loc"])).upper() for each in error.errors()]
        wrong = ", ".join(f"GOVAPP_{service.upper()}_{name}" for name in names)
        raise Refusal(f"环境变量的值不可用：{wrong}", f"these settings cannot be used: {wrong}") from error
    except main.web.OpenToTheNetworkError as error:
        prefix = f"GOVAPP_{service.upper()}_WEB__"
        raise Refusal(
            f"{host} 不是本机地址，没有令牌就对所有人开放：设置 {prefix}TOKENS，或明确设置 {prefix}OPEN_ACCESS=true",
            f"{host} is not loopback, and without tokens everything is open to everyone: set {prefix}TOKENS, "
            f"or say {prefix}OPEN_ACCESS=true",
        ) from error


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """Give the gravest of some exit codes, in the order in which `ExitCode` lists them."""
    return min(codes, key=list(ExitCode).index)


# ---------------------------------------------------------------- checking


def _check_all(files: list[str], registry: str | None, on: date, lang: Lang) -> list[Checked]:
    from services.audit.formats.checked import Judged, Refused
    from services.audit.sources import read_source
    from services.manifest.reading import Unreadable

    read: list[Reading | Unreadable] = []
    for each in files:
        try:
            read.append(read_source(each))
        except Unreadable as error:
            read.append(error)
    readable = [each for each in read if not isinstance(each, Unreadable)]
    reports = iter(_judge([each.manifest for each in readable], registry, on, lang))
    return [
        Refused(each.source or "", each.problems)
        if isinstance(each, Unreadable)
        else Judged(each.source or "", next(reports), each.positions)
        for each in read
    ]


def _judge(manifests: list[Manifest], registry: str | None, on: date, lang: Lang) -> list[Report]:
    if registry is not None:
        return _judge_with_registry(manifests, registry, on, lang)
    from services.audit.engine import report
    from services.audit.regulation import LAW

    return [report(each, None, LAW, on) for each in manifests]


def _judge_with_registry(manifests: list[Manifest], registry: str, on: date, lang: Lang) -> list[Report]:
    import asyncio
    import logging

    from services.audit.checks import Checks
    from services.audit.registry_client import RegistryClient, RegistryOptions

    class Told(logging.Handler):
        """Tells why the registry gave no answer."""

        def emit(self, record: logging.LogRecord) -> None:
            reason = getattr(record, "fields", {}).get("reason", record.getMessage())
            _say(Text(f"登记系统没有答复：{reason}", f"The registry gave no answer: {reason}"), lang)

    async def judge() -> list[Report]:
        options = RegistryOptions(registry, token=os.environ.get("GOVAPP_TOKEN") or None)
        async with RegistryClient(options) as client:
            checks = Checks(client)
            return [await checks.check(each, on) for each in manifests]

    logger = logging.getLogger("govapp.registry")
    logger.propagate = False
    logger.addHandler(Told())
    try:
        return asyncio.run(judge())
    except ValueError:
        raise Refusal(
            f"--registry {registry} 不是 http 或 https 地址", f"--registry {registry} is no address of http or https"
        ) from None


def _exit_code(checked: Checked) -> ExitCode:
    from services.audit.formats.checked import Refused
    from services.audit.law import Outcome

    if isinstance(checked, Refused):
        return ExitCode.UNREADABLE
    match checked.report.outcome:
        case Outcome.APPROVE:
            return ExitCode.APPROVED
        case Outcome.RETURN:
            return ExitCode.VIOLATION
        case Outcome.REFER:
            return ExitCode.UNDETERMINED
        case Outcome.OUT_OF_SCOPE | Outcome.NOT_RUNNING:
            return ExitCode.NOT_JUDGED


def _day(written: str) -> date:
    from pydantic import TypeAdapter, ValidationError

    from services.manifest.values import Day

    try:
        return TypeAdapter(Day).validate_python(written)
    except ValidationError:
        raise Refusal(
            f"--on {written} 不是日期；写成 2026-03-01", f"--on {written} is no day; write 2026-03-01"
        ) from None


# ---------------------------------------------------------------- writing


def _rendered(checked: list[Checked], format: Format, lang: Lang, *, is_coloured: bool) -> str | bytes:
    from services.audit.formats import json, sarif, text
    from services.audit.formats.checked import Refused

    match format:
        case "text":
            return text.render(checked, lang=lang, is_coloured=is_coloured)
        case "json":
            return b"".join(
                json.render_refused(each) if isinstance(each, Refused) else json.render(each.report) for each in checked
            )
        case "sarif":
            return sarif.render([_relative(each) for each in checked], lang=lang, version=_version())


def _relative(checked: Checked) -> Checked:
    """Name a source below the working directory relatively to it: tools that read the log have another root."""
    from dataclasses import replace

    try:
        source = str(Path(checked.source).relative_to(Path.cwd()))
    except ValueError:
        return checked
    return replace(checked, source=source)


def _version() -> str:
    from importlib.metadata import version

    return version("govapp")


def _write(content: str | bytes, output: Path | None) -> None:
    """Write to a file, or to standard output: bytes as they are, text in the encoding of the terminal."""
    if output is not None:
        try:
            output.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        except OSError as error:
            raise _unwritable(str(output), error) from error
        return
    try:
        if isinstance(content, str):
            sys.stdout.write(content)
        else:
            sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def _unwritable(file: str, error: OSError) -> Refusal:
    return Refusal(f"无法写入 {file}（{error.strerror}）", f"{file} cannot be written ({error.strerror})")


def _say(text: Text, lang: Lang) -> None:
    """Tell something beside the result, on standard error."""
    from services.audit.formats.prose import line

    sys.stderr.write(f"govapp: {line(text.in_(lang))}\n")


def _is_coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# ---------------------------------------------------------------- the program


def run() -> None:
    """Run the program with the arguments of the process, and end it with an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may know fewer characters than Chinese text has: what it cannot show is escaped, never a crash.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # both are text files in a program
    try:
        code = app(standalone_mode=False, prog_name="govapp")
    except Refusal as refusal:
        _say(refusal.text, _spoken())
        code = ExitCode.UNREADABLE
    except typer.TyperException as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            _say(_usage(error), _spoken())
        code = ExitCode.UNREADABLE
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except ReaderGone:
        # What is still to be written must not make the interpreter stumble once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = BROKEN_PIPE
    sys.exit(int(code or 0))


def _spoken() -> Lang:
    """Give the language of messages that come before the options are understood."""
    given = dict(zip(sys.argv, sys.argv[1:], strict=False)).get("--lang") or os.environ.get("GOVAPP_LANG", "")
    is_english = given == "en" or "--lang=en" in sys.argv
    return "en" if is_english else "zh"


def _usage(error: typer.TyperException) -> Text:
    """Say what is wrong with the arguments."""
    context = getattr(error, "ctx", None)
    command = "govapp" if context is None else context.command_path
    said = error.format_message().rstrip(".")
    zh = _USAGE.get(type(error).__name__, "参数不对")
    return Text(f"{zh}（{said}）。用法见 {command} --help", f"{said}. See {command} --help")


_USAGE = {
    "BadParameter": "参数的值不可用",
    "MissingParameter": "缺少参数",
    "NoSuchCommand": "没有这个命令",
    "NoSuchOption": "没有这个选项",
}
