"""Receipts: verifying them offline, and judging again what they say was judged."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from services.audit.cli.program import DASH, LangOption, Refusal, app, write
from services.text import Lang, Text

if TYPE_CHECKING:
    from services.audit.receipts import Receipt
    from services.audit.replays import Replay
    from services.audit.signing import PublicKeys

FAILED = 1
"""The exit code when what was checked is not as it should be."""

ReceiptArgument = Annotated[
    str, typer.Argument(metavar="RECEIPT", help="收据文件（JWS），- 为标准输入 · a receipt, - is standard input")
]
KeysOption = Annotated[
    Path,
    typer.Option("--jwks", metavar="FILE", help="审查服务的公钥（/.well-known/jwks.json） · public keys of the audit"),
]


@app.command()
def verify(receipt: ReceiptArgument, jwks: KeysOption, lang: LangOption = "zh") -> None:
    """离线核验收据 · Verify a receipt offline.

    退出码 Exit code: 0 真实 genuine, 1 不真实 not genuine, 3 无法读取 unreadable.
    """
    found = read_receipt(receipt, read_keys(jwks), lang)
    write(_told(found, lang), None)


@app.command()
def replay(
    receipt: ReceiptArgument,
    jwks: KeysOption,
    registry: Annotated[str, typer.Option(metavar="URL", help="登记系统的地址 · where the registry listens")],
    manifest: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="所判的清单，没有登记过的才需要 · the manifest, if it never was registered"),
    ] = None,
    lang: LangOption = "zh",
) -> None:
    """按登记系统的历史重新判断一份收据 · Judge again what a receipt says, from the registry's history.

    退出码 Exit code: 0 各条结论相同 identical verdicts, 1 不同或收据不真实 different or not genuine,
    3 无法重判 cannot be replayed.
    """
    found = read_receipt(receipt, read_keys(jwks), lang)
    again = _replayed(found, registry, manifest)
    if again.differences:
        write("".join(f"✗ {each.in_(lang)}\n" for each in again.differences), None)
        raise typer.Exit(FAILED)
    count = len(found.findings.verdicts)
    said = Text(
        f"✓ 重新判断的 {count} 条结论与收据完全相同", f"✓ judged again, all {count} verdicts are those of the receipt"
    )
    worded = Text("，记录逐字节相同", ", and so is the record, byte by byte")
    unworded = Text("；记录的文字与当时不同", "; the wording of the record is not what it was")
    write(f"{said.in_(lang)}{(worded if again.is_same_record else unworded).in_(lang)}\n", None)


def read_keys(jwks: Path) -> PublicKeys:
    """Read a file of public keys."""
    signing = load()
    try:
        keys: PublicKeys = signing.PublicKeys(jwks.read_bytes())
    except OSError as error:
        raise Refusal(f"无法读取 {jwks}（{error.strerror}）", f"{jwks} cannot be read ({error.strerror})") from error
    except signing.KeysError as error:
        raise Refusal(f"{jwks} 不是公钥文件：{error}", f"{jwks} is no file of public keys: {error}") from error
    return keys


def read_receipt(source: str, keys: PublicKeys, lang: Lang) -> Receipt:
    """Read a receipt and verify it; the program ends when it is not genuine."""
    from services.audit import receipts
    from services.audit.signing import NotGenuineError

    try:
        return receipts.read(read_text(source), keys)
    except NotGenuineError as error:
        said = Text(f"✗ 收据不真实：{error}", f"✗ the receipt is not genuine: {error}")
        write(f"{said.in_(lang)}\n", None)
        raise typer.Exit(FAILED) from error


def read_text(source: str) -> str:
    """Read a file of text, or standard input for `-`."""
    try:
        data = sys.stdin.buffer.read() if source == DASH else Path(source).read_bytes()
    except OSError as error:
        raise Refusal(
            f"无法读取 {source}（{error.strerror}）", f"{source} cannot be read ({error.strerror})"
        ) from error
    # What is no text is no receipt either, and is told as such.
    return data.decode("utf-8", "replace")


def load() -> ModuleType:
    """Give the module that signs and verifies, or say which extra it needs."""
    try:
        return import_module("services.audit.signing")
    except ModuleNotFoundError as error:
        raise Refusal(
            f"缺少 {error.name}，请安装附加依赖：pip install 'govapp[receipts]'",
            f"{error.name} is not installed; install the extra: pip install 'govapp[receipts]'",
        ) from error


def _told(found: Receipt, lang: Lang) -> str:
    claims, findings = found.claims, found.findings
    rows = [
        (Text("应用", "app"), claims.sub),
        (Text("目的", "purpose"), claims.purpose),
        (Text("结论", "outcome"), claims.outcome),
        (Text("判断日期", "day"), str(claims.day)),
        (Text("法规版本", "law"), claims.law),
        (Text("清单", "manifest"), claims.manifest),
        (Text("登记号", "registry revision"), str(claims.revision)),
        (Text("判定", "decision"), claims.jti),
        (Text("账本位置", "place in the ledger"), str(claims.ledger)),
        (Text("签发者", "issuer"), claims.iss),
    ]
    rows += [
        (
            Text("由人回答", "answered"),
            f"{each.rule} {each.place}: {each.answer} — {each.person.name} ({each.person.role})",
        )
        for each in findings.answers
    ]
    heading = Text("✓ 收据真实：签名与内容相符", "✓ the receipt is genuine: its signature is of its content")
    colon = "：" if lang == "zh" else ": "
    return f"{heading.in_(lang)}\n" + "".join(f"  {name.in_(lang)}{colon}{value}\n" for name, value in rows)


def _replayed(found: Receipt, registry: str, manifest: str | None) -> Replay:
    from services.audit.registry_client import RegistryClient, RegistryOptions, RegistryUnavailable
    from services.audit.replays import CannotReplayError, replay
    from services.audit.sources import read_source
    from services.manifest.reading import Unreadable

    async def judge() -> Replay:
        options = RegistryOptions(registry, token=os.environ.get("GOVAPP_TOKEN") or None, deadline_s=30)
        async with RegistryClient(options) as client:
            return await replay(found, client, None if manifest is None else read_source(manifest).manifest)

    try:
        return asyncio.run(judge())
    except CannotReplayError as error:
        raise Refusal(error.text.zh, error.text.en) from error
    except RegistryUnavailable as error:
        raise Refusal(f"登记系统没有答复：{error}", f"the registry gave no answer: {error}") from error
    except Unreadable as error:
        first = error.problems[0].detail
        raise Refusal(f"{manifest} 不是清单：{first.zh}", f"{manifest} is no manifest: {first.en}") from error
    except ValueError as error:
        raise Refusal(
            f"--registry {registry} 不是 http 或 https 地址", f"--registry {registry} is no address of http or https"
        ) from error
