"""The keys that receipts and checkpoints are signed with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from services.audit.cli.program import LangOption, OutputOption, Refusal, app, say, unwritable, write
from services.audit.cli.receipts import load
from services.text import Text

program = typer.Typer(no_args_is_help=True, help="签名密钥 · Signing keys")
app.add_typer(program, name="keys")

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="密钥文件 · the file of keys")]


@program.command()
def new(file: FileArgument, lang: LangOption = "zh") -> None:
    """新建密钥文件，只有本人可读 · Make a file with a new key, for its owner's eyes only."""
    signing = load()
    try:
        kid = signing.create(file)
    except FileExistsError:
        raise Refusal(
            f"{file} 已经存在；要换新密钥请用 govapp keys rotate",
            f"{file} exists; for a new key use: govapp keys rotate",
        ) from None
    except OSError as error:
        raise unwritable(str(file), error) from error
    say(Text(f"已写入 {file}，密钥编号 {kid}", f"Wrote {file}; the id of the key is {kid}"), lang)


@program.command()
def rotate(file: FileArgument, lang: LangOption = "zh") -> None:
    """换用新密钥；旧密钥只留公钥，旧收据照样可以核验 · Take a new key; of the old one its public part is kept."""
    signing = load()
    try:
        kid = signing.rotate(file)
    except signing.KeysError as error:
        raise Refusal(f"{file} 不是密钥文件：{error}", f"{file} is no file of keys: {error}") from error
    except OSError as error:
        raise unwritable(str(file), error) from error
    say(Text(f"已换用新密钥 {kid}；服务会自行读取", f"The key is now {kid}; services read it by themselves"), lang)


@program.command()
def public(file: FileArgument, output: OutputOption = None) -> None:
    """输出公钥（JWKS），供离线核验 · Give the public keys (JWKS), for verifying offline."""
    signing = load()
    try:
        write(signing.published(file.read_bytes()) + b"\n", output)
    except signing.KeysError as error:
        raise Refusal(f"{file} 不是密钥文件：{error}", f"{file} is no file of keys: {error}") from error
    except OSError as error:
        raise Refusal(f"无法读取 {file}（{error.strerror}）", f"{file} cannot be read ({error.strerror})") from error
