"""Notices of rectification: one page for every sponsor whose apps break a rule."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.audit.cli.checking import FilesArgument, OnOption, RegistryOption, check_all, day_of
from services.audit.cli.program import LangOption, Refusal, app, say, unwritable, version
from services.audit.clock import today
from services.text import Lang, Text

if TYPE_CHECKING:
    from services.audit.formats.checked import Checked, Judged

_UNFIT = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')
_LONGEST_NAME_BYTES = 200  # file systems take 255, and the suffix needs some


@app.command()
def notice(
    files: FilesArgument,
    issuer: Annotated[str, typer.Option(metavar="NAME", help="发文机关 · the authority that sends the notice")],
    due: Annotated[str, typer.Option(metavar="DATE", help="整改期限 · the last day for rectifying")],
    folder: Annotated[
        Path, typer.Option("--folder", metavar="DIR", help="写入的目录 · the folder to write to", file_okay=False)
    ] = Path(),
    number: Annotated[str | None, typer.Option(metavar="TEXT", help="发文字号 · number of the document")] = None,
    contact: Annotated[str | None, typer.Option(metavar="TEXT", help="联系方式 · where the answer goes")] = None,
    registry: RegistryOption = None,
    on: OnOption = None,
    lang: LangOption = "zh",
) -> None:
    """为有违反的主办单位各写一份整改通知书（可打印的 HTML）· Write a notice of rectification for each sponsor."""
    try:
        from services.audit.formats.notice import Notice, render
    except ModuleNotFoundError as error:
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[reports]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[reports]'",
        ) from error
    day, due_on = today() if on is None else day_of(on), day_of(due, "--due")
    if due_on < day:
        raise Refusal(f"--due {due_on} 早于判定日 {day}", f"--due {due_on} is before the day judged, {day}")
    sponsors = _by_sponsor(check_all(files, registry, day, lang))
    if not sponsors:
        say(Text("没有违反，没有通知书要写", "nothing is violated, so there is no notice to write"), lang)
    for sponsor, apps in sponsors.items():
        page = render(Notice(sponsor, issuer, day, due_on, number, contact), apps, lang=lang, version=version())
        _save(folder / f"{_file_name(sponsor)}.html", page, lang)


def _by_sponsor(checked: list[Checked]) -> dict[str, list[Judged]]:
    """Give the apps with a violation by their sponsor.

    Raises:
        Refusal: a source cannot be read, or declares no sponsor: a notice that leaves one out would pass in silence.
    """
    from services.audit.formats.checked import Refused
    from services.audit.law import Verdict

    found: dict[str, list[Judged]] = {}
    for each in checked:
        if isinstance(each, Refused):
            raise Refusal(
                f"无法读取 {each.source}；先用 govapp check 改正",
                f"{each.source} cannot be read; mend it with `govapp check` first",
            )
        if not each.report.counts[Verdict.VIOLATION.value]:
            continue
        sponsor = None if each.manifest is None or each.manifest.sponsor is None else each.manifest.sponsor.name
        if sponsor is None:
            raise Refusal(
                f"{each.source} 没有声明主办单位的名称，不知道发给谁",
                f"{each.source} declares no name of its sponsor, so nobody knows whom to write to",
            )
        found.setdefault(sponsor, []).append(each)
    return found


def _file_name(sponsor: str) -> str:
    """Give the name of a sponsor as a name that any file system takes."""
    name = _UNFIT.sub("_", sponsor).strip(". ") or "_"
    return name.encode()[:_LONGEST_NAME_BYTES].decode("utf-8", "ignore")


def _save(file: Path, page: bytes, lang: Lang) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as new:
            new.write(page)
    except FileExistsError:
        raise Refusal(
            f"{file} 已经存在，没有覆盖；换一个目录", f"{file} exists and was not overwritten; choose another folder"
        ) from None
    except OSError as error:
        raise unwritable(str(file), error) from error
    say(Text(f"已写入 {file}", f"Wrote {file}"), lang)
