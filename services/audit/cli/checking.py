"""Checking manifests."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.audit.cli.program import (
    DASH,
    ExitCode,
    LangOption,
    OutputOption,
    Refusal,
    app,
    gravest,
    is_coloured,
    say,
    version,
    write,
)
from services.audit.clock import today
from services.audit.formats.rendering import FormatName
from services.text import Lang, Text

if TYPE_CHECKING:
    from services.audit.formats.checked import Checked
    from services.audit.law import Report
    from services.manifest.model import Manifest
    from services.manifest.reading import Reading

FilesArgument = Annotated[
    list[str],
    typer.Argument(metavar="FILE...", help="清单（YAML 或 JSON），- 为标准输入 · manifests, - is standard input"),
]
RegistryOption = Annotated[str | None, typer.Option(metavar="URL", help="登记系统的地址 · where the registry listens")]
OnOption = Annotated[
    str | None, typer.Option(metavar="DATE", help="判断的日期，默认今天 · the day judged, by default today")
]


@app.command()
def check(
    files: FilesArgument,
    registry: RegistryOption = None,
    on: OnOption = None,
    format: Annotated[FormatName, typer.Option(help="输出格式 · format of the output")] = "text",
    lang: LangOption = "zh",
    output: OutputOption = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="基线：已知的问题另列，只有新问题才算不通过 · known findings")
    ] = None,
    allow_undetermined: Annotated[
        bool, typer.Option("--allow-undetermined", help="待定只提示，退出码为 0 · open points do not fail the check")
    ] = False,
) -> None:
    """检查清单 · Check manifests.

    退出码 Exit code: 0 通过 approve, 1 违反 violation, 2 待定 undetermined, 3 无法读取 unreadable,
    4 不适用或已下线 out of scope or not running.
    """
    day = today() if on is None else day_of(on)
    if output is not None and any(each != DASH and output.resolve() == Path(each).resolve() for each in files):
        raise Refusal(f"--output 会覆盖要检查的清单 {output}", f"--output would overwrite the manifest {output}")
    checked = check_all(files, registry, day, lang)
    if baseline is not None:
        checked = _apart(checked, baseline, lang)
    write(_rendered(checked, format, lang, day, is_coloured=output is None and is_coloured()), output)
    codes = [_exit_code(each) for each in checked]
    if allow_undetermined:
        codes = [ExitCode.APPROVED if each is ExitCode.UNDETERMINED else each for each in codes]
    raise typer.Exit(gravest(codes))


@app.command(name="baseline")
def write_baseline(
    files: FilesArgument,
    registry: RegistryOption = None,
    on: OnOption = None,
    lang: LangOption = "zh",
    output: OutputOption = None,
) -> None:
    """记下现有应用的已知问题，供 check --baseline 使用 · Write down what is known, for `check --baseline`."""
    from services.audit import baseline
    from services.audit.formats.checked import Refused
    from services.audit.regulation import LAW

    day = today() if on is None else day_of(on)
    checked = check_all(files, registry, day, lang)
    refused = [each.source for each in checked if isinstance(each, Refused)]
    if refused:
        names = ", ".join(refused)
        raise Refusal(
            f"无法读取 {names}，没有写基线；先用 govapp check 改正",
            f"{names} cannot be read, so no baseline was written; mend it with `govapp check` first",
        )
    write(baseline.write(checked, day, LAW.version), output)


def _apart(checked: list[Checked], file: Path, lang: Lang) -> list[Checked]:
    """Tell what a baseline knows apart from what is new, and say what it knows in vain."""
    from services.audit import baseline

    try:
        known = baseline.read(file.read_bytes())
    except OSError as error:
        raise Refusal(
            f"无法读取基线 {file}（{error.strerror}）", f"{file} cannot be read ({error.strerror})"
        ) from error
    except baseline.UnreadableBaseline as error:
        raise Refusal(f"{file}：{error.text.zh}", f"{file}: {error.text.en}") from error
    told, gone = known.apart(checked)
    if count := gone.total():
        say(
            Text(
                f"基线中有 {count} 项已不存在，可以用 govapp baseline 更新",
                f"{count} known by the baseline are no more; update it with `govapp baseline`",
            ),
            lang,
        )
    return told


def check_all(files: list[str], registry: str | None, on: date, lang: Lang) -> list[Checked]:
    """Check some sources on a day, asking a registry where its address is given: an answer each, in their order."""
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
        else Judged(each.source or "", next(reports), each.positions, each.manifest)
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
            say(Text(f"登记系统没有答复：{reason}", f"The registry gave no answer: {reason}"), lang)

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
    if checked.fresh is not None and checked.report.outcome in {Outcome.RETURN, Outcome.REFER}:
        rulings = checked.fresh.rulings
        if any(each.findings for each in rulings):
            return ExitCode.VIOLATION
        lacks = (*checked.fresh.lacks, *(lack for each in rulings for lack in each.lacks))
        return ExitCode.UNDETERMINED if lacks else ExitCode.APPROVED
    match checked.report.outcome:
        case Outcome.APPROVE:
            return ExitCode.APPROVED
        case Outcome.RETURN:
            return ExitCode.VIOLATION
        case Outcome.REFER:
            return ExitCode.UNDETERMINED
        case Outcome.OUT_OF_SCOPE | Outcome.NOT_RUNNING:
            return ExitCode.NOT_JUDGED


def day_of(written: str, option: str = "--on") -> date:
    """Read the day that an option names."""
    from pydantic import TypeAdapter, ValidationError

    from services.manifest.values import Day

    try:
        return TypeAdapter(Day).validate_python(written)
    except ValidationError:
        raise Refusal(
            f"{option} {written} 不是日期；写成 2026-03-01", f"{option} {written} is no day; write 2026-03-01"
        ) from None


def _rendered(checked: list[Checked], format: FormatName, lang: Lang, on: date, *, is_coloured: bool) -> str | bytes:
    if format == "text":
        from services.audit.formats import text

        return text.render(checked, lang=lang, is_coloured=is_coloured)
    from services.audit.formats.rendering import FORMATS, render

    sources = checked if format == "json" else [_relative(each) for each in checked]
    try:
        return render(sources, format, lang=lang, version=version(), on=on)
    except ModuleNotFoundError as error:
        extra = FORMATS[format].extra
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[{extra}]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[{extra}]'",
        ) from error


def _relative(checked: Checked) -> Checked:
    """Name a source below the working directory relatively to it: tools that read the log have another root."""
    from dataclasses import replace

    try:
        source = str(Path(checked.source).relative_to(Path.cwd()))
    except ValueError:
        return checked
    return replace(checked, source=source)
