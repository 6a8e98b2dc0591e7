"""Start both services on loopback, load the sample catalogue, audit all of it over HTTP, print the table, and stay up.

`make run` runs this. `ONCE=1` ends after the table, with exit code 1 when a published case deviates from what its file
expects. `GOVAPP_PORTS=8501,8502` chooses other ports for registry and audit; 0 takes a free one. Data and logs go to
`var/` in the working directory; a second run finds there what the first one registered.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text
from ruamel.yaml import YAML

from examples.processes import Ending, FailedError, choose_ports, services
from services.audit.clock import today
from services.audit.law import LackKind, Outcome, Verdict
from services.manifest.terms import Level

if TYPE_CHECKING:
    from collections.abc import Iterable

EXAMPLES = Path(__file__).parent
ON = "2026-03-01"
BATCH = 100
STYLES = {"approve": "green", "refer": "yellow", "return": "red", "out_of_scope": "dim", "not_running": "dim"}

DONE = {
    "registered": "新登记应用",
    "changed": "更新应用",
    "found": "已有应用",
    "grants": "新登记批准",
    "grants found": "已有批准",
}

OUTCOMES = {outcome.value: outcome for outcome in Outcome}
LEVELS = {level.value: level for level in Level}

Document = dict[str, Any]


@dataclass(frozen=True)
class Catalogue:
    """What is registered: manifests and grants, and the published cases with what is expected of them, by app id."""

    manifests: tuple[Document, ...]
    grants: tuple[Document, ...]
    cases: dict[str, Document]


# ---------------------------------------------------------------- the catalogue


def read_catalogue() -> Catalogue:
    """Read the published cases with the apps around them, and the fictional apps with their grants."""
    cases = [_read(path) for path in sorted((EXAMPLES / "cases").glob("*.yaml"))]
    fictional = [_read(path) for path in sorted((EXAMPLES / "catalogue").glob("*.yaml"))]
    told = [manifest for case in cases for manifest in (case["app"], *case["around"])]
    granted = [{"app": case["app"]["id"], **grant} for case in cases for grant in case["grants"]]
    return Catalogue(
        manifests=(*told, *fictional),
        grants=(*granted, *_read(EXAMPLES / "grants.yaml")),
        cases={case["app"]["id"]: case for case in cases},
    )


def _read(path: Path) -> Any:  # noqa: ANN401 - whatever the document holds
    return YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))


# ---------------------------------------------------------------- register, audit, tell


def register(client: httpx.Client, catalogue: Catalogue, ending: Ending) -> Counter[str]:
    """Bring every manifest and grant into the registry; what is there already stays as it is. Counts what was done."""
    done: Counter[str] = Counter()
    for manifest in catalogue.manifests:
        ending.check()
        done[_put(client, manifest)] += 1
    known: dict[str, list[Document]] = {}
    for grant in catalogue.grants:
        path = f"/v1/apps/{grant['app']}/grants"
        if path not in known:
            known[path] = _answer(client.get(path))["items"]
        body = {key: value for key, value in grant.items() if key != "app"}
        if any(all(each.get(key) == value for key, value in body.items()) for each in known[path]):
            done["grants found"] += 1
        else:
            _answer(client.post(path, json=body))
            done["grants"] += 1
    return done


def _put(client: httpx.Client, manifest: Document) -> str:
    path = f"/v1/apps/{manifest['id']}"
    there = client.get(path)
    if there.status_code == httpx.codes.NOT_FOUND:
        _answer(client.put(path, json=manifest))
        return "registered"
    if _answer(there)["manifest"] == manifest:
        return "found"
    version = {"If-Match": there.headers["ETag"]}
    _answer(client.put(path, json=manifest, headers=version, params={"reason": "示例清单有变更"}))
    return "changed"


def audit(client: httpx.Client, apps: Iterable[str]) -> list[Document]:
    """Ask the audit for the reports of registered apps, in their order."""
    wanted = [{"app": app} for app in apps]
    reports = []
    for start in range(0, len(wanted), BATCH):
        body = {"checks": wanted[start : start + BATCH], "on": ON}
        for result in _answer(client.post("/v1/checks/batch", json=body))["results"]:
            if result["report"] is None:
                raise FailedError(f"审查未能完成：{result['problem']}")
            reports.append(result["report"])
    return reports


def decide(registry: httpx.Client, auditor: httpx.Client, proposals: Iterable[str]) -> list[Document]:
    """Let the audit decide on proposed apps as they stand today: each decision is recorded, and has its receipt."""
    decisions = []
    for app in proposals:
        revision = _answer(registry.get(f"/v1/apps/{app}"))["revision"]
        asked = {"purpose": "approve", "app": app, "revision": revision}
        # The same proposal on the same day is the same request, however often the examples are run.
        key = {"Idempotency-Key": f"example-{app}-{revision}-{today().isoformat()}"}
        decisions.append(_answer(auditor.post("/v1/decisions", json=asked, headers=key)))
    return decisions


def _answer(response: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
    if not response.is_success:
        raise FailedError(f"{response.request.method} {response.request.url} → {response.status_code}\n{response.text}")
    return response.json()


def violated(report: Document) -> list[str]:
    """Give the labels of the rules that the app breaks, in the order of the law."""
    return [ruling["label"] for ruling in report["rulings"] if ruling["verdict"] == Verdict.VIOLATION]


def asked(report: Document) -> list[str]:
    """Give the labels of the rules that are undetermined because a person has to judge, in the order of the law."""
    return [
        ruling["label"]
        for ruling in report["rulings"]
        if ruling["verdict"] == Verdict.UNDETERMINED
        and any(lack["kind"] == LackKind.PERSON for lack in ruling["lacks"])
    ]


def deviations(reports: Iterable[Document], cases: dict[str, Document]) -> list[str]:
    """Say of every published case that is judged otherwise than its file expects what is different."""
    told = {report["app"]: report for report in reports}
    found = []
    for app, case in cases.items():
        report = told[app]
        is_out = report["outcome"] == Outcome.OUT_OF_SCOPE
        judged = (set(violated(report)), set(asked(report)), is_out)
        if judged != (set(case["breaks"]), set(case["asks"]), case["out_of_scope"]):
            found.append(
                f"{app}：预期违反 {case['breaks']}、人工判断 {case['asks']}、不属适用范围 {case['out_of_scope']}；"
                f"得到 {violated(report)}、{asked(report)}、{is_out}"
            )
    return found


def table(catalogue: Catalogue, reports: Iterable[Document]) -> Table:
    """Lay out one line per app: the app, its sponsor, the outcome, and the provisions broken or put to a person."""
    result = Table(title=f"示例目录审查结果（{ON}）", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("应用", "标识", "主办单位", "结论", "违反", "人工判断"):
        result.add_column(heading, overflow="fold", no_wrap=heading in {"标识", "结论"})
    for manifest, report in zip(catalogue.manifests, reports, strict=True):
        outcome = OUTCOMES[report["outcome"]]
        result.add_row(
            Text(manifest["name"]),
            Text(manifest["id"], "dim"),
            Text(_sponsor(manifest)),
            Text(outcome.zh, STYLES[outcome]),
            Text("、".join(violated(report)), "red"),
            Text("、".join(asked(report)), "yellow"),
        )
    return result


def tell_decisions(console: Console, decisions: Iterable[Document]) -> None:
    """Print what was decided on each proposal, and where it is recorded."""
    for each in decisions:
        outcome = OUTCOMES[each["outcome"]]
        left = f"，待人回答 {len(each['questions'])} 个问题" if each["questions"] else ""
        recorded = f"账本第 {each['place']} 条，收据 {len(each['receipt'])} 字节"
        console.print(f"判定 {each['app']}（{each['day']}）：{outcome.zh}{left}；{recorded}")


def _sponsor(manifest: Document) -> str:
    sponsor = manifest.get("sponsor") or {}
    if "name" in sponsor:
        return str(sponsor["name"])
    return f"{LEVELS[sponsor['level']].zh}，名称未声明" if "level" in sponsor else "未声明"


def tell(console: Console, catalogue: Catalogue, reports: list[Document]) -> bool:
    """Print the table, the count per outcome, and whether the published cases are judged as expected: the result."""
    console.print(table(catalogue, reports))
    counts = Counter(report["outcome"] for report in reports)
    console.print("，".join(f"{outcome.zh} {counts[outcome]}" for outcome in Outcome) + f"；共 {len(reports)} 个应用")
    found = deviations(reports, catalogue.cases)
    for deviation in found:
        console.print(f"✗ {deviation}", style="red", markup=False)
    if found:
        console.print(f"{len(found)} 个公开案例与预期不符（共 {len(catalogue.cases)} 个）", style="red")
    else:
        console.print(f"✓ {len(catalogue.cases)} 个公开案例全部与预期一致", style="green")
    console.print(
        "公开案例按公开的事实和为判断所加的假设审查，不是对任何真实应用的认定；示例部门和应用均为虚构。", style="dim"
    )
    return not found


# ---------------------------------------------------------------- the program


def run(console: Console, ending: Ending, *, once: bool) -> int:
    """Do everything; give the exit code."""
    catalogue = read_catalogue()
    ports = choose_ports(os.environ.get("GOVAPP_PORTS", ""), any_free=once)
    with services(Path.cwd() / "var", ports, ending) as (registry, auditor):
        with httpx.Client(base_url=registry.url, timeout=30, trust_env=False) as client:
            done = register(client, catalogue, ending)
        console.print("登记：" + "，".join(f"{said} {done[name]}" for name, said in DONE.items() if done[name]))
        with httpx.Client(base_url=auditor.url, timeout=60, trust_env=False) as client:
            reports = audit(client, [manifest["id"] for manifest in catalogue.manifests])
        is_as_expected = tell(console, catalogue, reports)
        proposals = [each["id"] for each in catalogue.manifests if each.get("stage") == "proposed"]
        with (
            httpx.Client(base_url=registry.url, timeout=30, trust_env=False) as client,
            httpx.Client(base_url=auditor.url, timeout=60, trust_env=False) as audits,
        ):
            tell_decisions(console, decide(client, audits, proposals))
        if once:
            return 0 if is_as_expected else 1
        console.print(f"登记服务 {registry.url}/docs\n审查服务 {auditor.url}/docs\n按 Ctrl-C 结束")
        while not ending.is_asked:
            registry.check()
            auditor.check()
            time.sleep(0.2)
    console.print("已结束")
    return 0


def main() -> int:
    """Run, and tell a person what went wrong if something did."""
    ending = Ending()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ending)
    # A log or a pipe has no width of its own, and 80 columns would fold every line of the table.
    console = Console(width=None if sys.stdout.isatty() else 240)
    try:
        return run(console, ending, once=os.environ.get("ONCE", "") not in {"", "0"})
    except (FailedError, httpx.HTTPError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
