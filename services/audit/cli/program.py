"""The program: what all commands have in common – exit codes, refusals, languages, and where they write."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from services.text import Lang, Text

DASH = "-"
"""Stands for standard input or output instead of a file."""


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

LangOption = Annotated[Lang, typer.Option("--lang", envvar="GOVAPP_LANG", help="语言 · language")]
OutputOption = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="写入文件 · write to a file")]


def gravest(codes: Iterable[ExitCode]) -> ExitCode:
    """Give the gravest of some exit codes, in the order in which `ExitCode` lists them."""
    return min(codes, key=list(ExitCode).index)


def version() -> str:
    """Give the version of the program."""
    from importlib.metadata import version as installed

    return installed("govapp")


def write(content: str | bytes, output: Path | None) -> None:
    """Write to a file, or to standard output: bytes as they are, text in the encoding of the terminal."""
    if output is not None:
        try:
            output.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        except OSError as error:
            raise unwritable(str(output), error) from error
        return
    try:
        if isinstance(content, str):
            sys.stdout.write(content)
        else:
            sys.stdout.buffer.write(content)
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise ReaderGone from error


def unwritable(file: str, error: OSError) -> Refusal:
    """Say that a file cannot be written."""
    return Refusal(f"无法写入 {file}（{error.strerror}）", f"{file} cannot be written ({error.strerror})")


def say(text: Text, lang: Lang) -> None:
    """Tell something beside the result, on standard error."""
    from services.audit.formats.prose import line

    sys.stderr.write(f"govapp: {line(text.in_(lang))}\n")


def is_coloured() -> bool:
    """Tell whether standard output goes to a terminal that understands colours, and to a person who wants them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def run() -> None:
    """Run the program with the arguments of the process, and end it with an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may know fewer characters than Chinese text has: what it cannot show is escaped, never a crash.
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr] # both are text files in a program
    try:
        code = app(standalone_mode=False, prog_name="govapp")
    except Refusal as refusal:
        say(refusal.text, _spoken())
        code = ExitCode.UNREADABLE
    except typer.TyperException as error:
        if type(error).__name__ != "NoArgsIsHelpError":
            say(_usage(error), _spoken())
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
