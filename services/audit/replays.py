"""Replaying: judging again what a receipt says was judged, from the registry's history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.audit.decisions import Made, Subject, judged
from services.audit.receipts import PURPOSES, digest
from services.audit.regulation import LAW
from services.manifest.model import canonical, fingerprint
from services.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.audit.decisions import Judged
    from services.audit.law import Law
    from services.audit.receipts import Receipt
    from services.audit.registry_client import RegistryClient
    from services.manifest.model import Manifest


class CannotReplayError(Exception):
    """What was judged then cannot be had any more, or not here; `text` says what."""

    def __init__(self, text: Text) -> None:
        """Say what."""
        super().__init__(text.en)
        self.text = text


@dataclass(frozen=True, slots=True)
class Replay:
    """What judging again has given.

    Args:
        judged: the decision made again.
        differences: what is not as the receipt says; none when all verdicts, the outcome and the pins are the same.
        is_same_record: whether even the wording of the record is the same, byte by byte.
    """

    judged: Judged
    differences: tuple[Text, ...]
    is_same_record: bool


async def replay(
    receipt: Receipt, registry: RegistryClient, manifest: Manifest | None = None, law: Law = LAW
) -> Replay:
    """Judge again what a receipt says was judged.

    Args:
        receipt: the receipt, verified.
        registry: the registry, which knows its past.
        manifest: what was judged, where the registry never held it.
        law: the law by which is judged.

    Raises:
        CannotReplayError: the receipt is by another version of the law, or the manifest is not the one judged.
        RegistryUnavailable: the registry gives no answer.

    """
    claims, findings = receipt.claims, receipt.findings
    if claims.law != law.version:
        raise CannotReplayError(
            Text(
                f"收据依据法规版本 {claims.law}，本程序为 {law.version}：请用当时版本的 govapp",
                f"the receipt is by the law version {claims.law}, and this program by {law.version}: use the govapp of"
                " that version",
            )
        )
    if manifest is None:
        then = await registry.registered(claims.sub, as_of=claims.revision)
        manifest = None if then is None else then.manifest
    place = f"GET /v1/decisions/{claims.jti}/manifest"
    if manifest is None or fingerprint(canonical(manifest)) != claims.manifest:
        raise CannotReplayError(
            Text(
                f"登记系统在登记号 {claims.revision} 时没有所判的清单：用 --manifest 给出（{place}）",
                f"at revision {claims.revision} the registry did not hold the manifest judged: give it by --manifest"
                f" ({place})",
            )
        )
    seen = await registry.neighbourhood(manifest, as_of=claims.revision)
    made = Made(claims.jti, PURPOSES[claims.purpose], claims.day, findings.answers, findings.previous)
    again = judged(Subject(manifest, claims.sub), seen, law, made)
    return Replay(again, tuple(_differences(receipt, again)), digest(again.record()) == findings.record)


def _differences(receipt: Receipt, again: Judged) -> Iterator[Text]:
    claims, report = receipt.claims, again.report
    verdicts = {each.rule: each.verdict for each in report.rulings}
    for rule in dict.fromkeys([*receipt.findings.verdicts, *verdicts]):
        then, now = receipt.findings.verdicts.get(rule), verdicts.get(rule)
        if then != now:
            yield Text(f"规则 {rule}：收据为 {then}，重判为 {now}", f"rule {rule}: {then} in the receipt, now {now}")
    if report.outcome != claims.outcome:
        yield Text(
            f"结论：收据为 {claims.outcome}，重判为 {report.outcome}",
            f"outcome: {claims.outcome} in the receipt, now {report.outcome}",
        )
    if again.asked != claims.asked:
        yield Text("所问的关联键和区域与收据不同", "the ties and regions asked are not those of the receipt")
    if again.revision != claims.revision:
        yield Text(
            f"登记号：收据为 {claims.revision}，重判为 {again.revision}",
            f"registry revision: {claims.revision} in the receipt, now {again.revision}",
        )
