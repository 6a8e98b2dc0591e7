"""The command line as its users run it: real processes, judged by what they print and how they end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest

from services.audit.cli import BROKEN_PIPE, INTERRUPTED, ExitCode, gravest
from services.audit.rules import RULES
from services.manifest.schema import render
from tests import world

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = str(Path(sys.executable).parent / "govapp")
TIME_LIMIT_S = 120
WEB_AND_DATABASE = (
    *("fastapi", "starlette", "uvicorn", "anyio", "httpx", "prometheus_client", "pydantic_settings"),
    *("sqlalchemy", "sqlmodel", "alembic", "psycopg", "dbos"),
)
EXEMPLARY = {name: each["app"] for name, each in world.load(world.RULES / "exemplary.yaml").items()}

# What an enterprise of the centre proposes for its own staff: nothing of it depends on a registry.
APPROVED = {
    "manifest": "1",
    "id": "example-approved",
    "kind": "app",
    "stage": "proposed",
    "sponsor": {"level": "central", "nature": "enterprise", "managed_by": "none", "root_organ": "示例公司"},
    "regions": [""],
    "role": "ordinary",
    "faces_grassroots": False,
    "levels": ["central"],
    "review": {
        "fits_plan": True,
        "overlaps_existing": False,
        "could_be_module": False,
        "works_with_related": True,
        "meets_sharing_needs": True,
    },
    "features": [],
    "asks": [],
    "usage_policy": [],
    "metrics": [],
}
DOCUMENTS: dict[ExitCode, dict[str, Any]] = {
    ExitCode.APPROVED: APPROVED,
    ExitCode.VIOLATION: {**APPROVED, "features": [{"id": "a", "kind": "check_in", "forced": True, "rhythm": "none"}]},
    ExitCode.UNDETERMINED: {"manifest": "1", "kind": "app"},
    ExitCode.UNREADABLE: {"manifest": "1", "nmae": "x"},
    ExitCode.NOT_JUDGED: {"manifest": "1", "kind": "work_group"},
}


def govapp(
    *arguments: str, given: bytes | None = None, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run the program to its end, with nothing of this shell's own settings."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("GOVAPP", "PYTHON", "LC_", "LANG"))
    }
    return subprocess.run(
        [PROGRAM, *arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        cwd=cwd,
        env={**inherited, "LC_ALL": "C.UTF-8", **environment},
        capture_output=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )


@pytest.fixture
def files(tmp_path: Path) -> dict[ExitCode, str]:
    """Write a manifest for every exit code; give their names below the folder of the test."""
    for code, document in DOCUMENTS.items():
        (tmp_path / f"{code.name.lower()}.json").write_bytes(orjson.dumps(document))
    return {code: f"{code.name.lower()}.json" for code in DOCUMENTS}


def told(ended: subprocess.CompletedProcess[bytes], encoding: str = "utf-8") -> str:
    """Give what a program that did not crash told on standard error."""
    said = ended.stderr.decode(encoding)
    assert "Traceback" not in said, said
    return said


# ---------------------------------------------------------------- check


@pytest.mark.parametrize("code", ExitCode)
def test_the_exit_code_is_the_outcome(code: ExitCode, files: dict[ExitCode, str], tmp_path: Path) -> None:
    ended = govapp("check", files[code], "--on", "2026-03-01", cwd=tmp_path)
    assert (ended.returncode, told(ended)) == (code, ""), ended.stdout.decode()


def test_of_several_files_the_gravest_counts(files: dict[ExitCode, str], tmp_path: Path) -> None:
    order = list(ExitCode)
    assert [int(code) for code in order] == [3, 1, 2, 4, 0]
    ended = govapp("check", *files.values(), cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert "共 5 份：通过 1 · 待核 1 · 退回 1 · 不属适用范围 1 · 无法读取 1" in ended.stdout.decode()
    for i in range(len(order) - 1):
        assert gravest(reversed(order[i:])) is order[i]
        ended = govapp("check", files[order[i + 1]], files[order[i]], files[order[-1]], cwd=tmp_path)
        assert ended.returncode == order[i]


def test_a_finding_is_told_with_file_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text('manifest: "1"\nfeatures:\n  - kind: check_in\n    forced: true\n', "utf-8")
    ended = govapp("check", "a.yaml", cwd=tmp_path)
    shown = ended.stdout.decode()
    assert "a.yaml:4:13  " in shown
    assert "13.7a 不设置强制打卡签到功能" in shown
    assert "改正：" in shown
    assert shown.endswith("结论：退回\n")


def test_chinese_unless_english_is_asked_for(files: dict[ExitCode, str], tmp_path: Path) -> None:
    file = files[ExitCode.NOT_JUDGED]
    assert "结论：" in govapp("check", file, cwd=tmp_path, LC_ALL="en_US.UTF-8").stdout.decode()
    assert "Outcome: out of scope" in govapp("check", file, "--lang", "en", cwd=tmp_path).stdout.decode()
    assert "Outcome: out of scope" in govapp("check", file, cwd=tmp_path, GOVAPP_LANG="en").stdout.decode()
    assert "结论：" in govapp("check", file, "--lang", "zh", cwd=tmp_path, GOVAPP_LANG="en").stdout.decode()


def test_standard_input_may_be_either_format(files: dict[ExitCode, str], tmp_path: Path) -> None:
    for given in (
        orjson.dumps(DOCUMENTS[ExitCode.NOT_JUDGED]),
        b'manifest: "1"\nkind: terminal\n',
        b'{manifest: "1", kind: terminal}',
    ):
        ended = govapp("check", "-", files[ExitCode.NOT_JUDGED], given=given, cwd=tmp_path)
        assert ended.returncode == ExitCode.NOT_JUDGED
        assert "<stdin>" in ended.stdout.decode()
    assert govapp("check", "-", given=b"").returncode == ExitCode.UNREADABLE


def test_json_is_one_line_for_each_file(files: dict[ExitCode, str], tmp_path: Path) -> None:
    ended = govapp("check", *files.values(), "--format", "json", "--on", "2026-03-01", cwd=tmp_path)
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [each.get("outcome") for each in lines] == ["approve", "return", "refer", None, "out_of_scope"]
    assert lines[3]["source"] == "unreadable.json"
    assert all(each["on"] == "2026-03-01" for each in lines if "on" in each)
    assert len(lines[0]["rulings"]) == len(RULES)


def test_sarif_names_files_relatively(files: dict[ExitCode, str], tmp_path: Path) -> None:
    given = str(tmp_path / files[ExitCode.VIOLATION])
    ended = govapp("check", given, "--format", "sarif", cwd=tmp_path)
    (run,) = json.loads(ended.stdout)["runs"]
    assert run["artifacts"][0]["location"]["uri"] == "violation.json"
    assert {each["ruleId"] for each in run["results"] if each["level"] == "error"} == {"forced_check_in"}


def test_the_result_can_go_to_a_file(files: dict[ExitCode, str], tmp_path: Path) -> None:
    for format in ("text", "json", "sarif"):
        shown = govapp("check", files[ExitCode.VIOLATION], "--format", format, cwd=tmp_path)
        written = govapp("check", files[ExitCode.VIOLATION], "--format", format, "--output", "result", cwd=tmp_path)
        assert (written.returncode, written.stdout) == (ExitCode.VIOLATION, b"")
        assert (tmp_path / "result").read_bytes() == shown.stdout


def test_a_manifest_is_never_overwritten_by_its_report(files: dict[ExitCode, str], tmp_path: Path) -> None:
    file = files[ExitCode.APPROVED]
    ended = govapp("check", file, "--output", f"../{tmp_path.name}/{file}", cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert "--output" in told(ended)
    assert orjson.loads((tmp_path / file).read_bytes()) == APPROVED


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_bytes(b"\0" * (5 << 20))
    ended = govapp("check", "none.yaml", ".", "large.yaml", cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    shown = ended.stdout.decode()
    assert "none.yaml:1:1  没有这个文件。" in shown
    assert ".:1:1  这是目录，不是文件。" in shown
    assert "large.yaml:1:1  超过 256 KiB。" in shown


@pytest.mark.parametrize(
    ("arguments", "zh", "en"),
    [
        (("check",), "缺少参数", "Missing"),
        (("check", "x", "--on", "2025-02-30"), "--on 2025-02-30 不是日期", "is no day"),
        (("check", "x", "--format", "xml"), "--format", "--format"),
        (("check", "x", "--nothing"), "没有这个选项", "No such option"),
        (("check", "approved.json", "--registry", "ftp://x"), "--registry ftp://x", "is no address"),
        (("check", "approved.json", "--output", "none/x"), "无法写入 none/x", "cannot be written"),
        (("nothing",), "nothing", "nothing"),
        (("explain", "13.77"), "是否为 13.7、", "did you mean 13.7,"),
        (("explain", "qqqqqqqq"), "govapp rules", "govapp rules"),
        (("serve", "x"), "registry", "registry"),
        (("init", "none/x"), "无法写入", "cannot be written"),
    ],
)
def test_a_mistake_in_the_arguments_is_told_in_both_languages(
    arguments: tuple[str, ...], zh: str, en: str, files: dict[ExitCode, str], tmp_path: Path
) -> None:
    assert files
    for lang, said in (("zh", zh), ("en", en)):
        ended = govapp(*arguments, cwd=tmp_path, GOVAPP_LANG=lang)
        assert ended.returncode == ExitCode.UNREADABLE
        assert ended.stdout == b""
        assert said in told(ended)


def test_help_is_no_outcome() -> None:
    ended = govapp()
    assert ended.returncode == ExitCode.UNREADABLE
    assert "check" in ended.stdout.decode() + told(ended)
    ended = govapp("check", "--help")
    assert ended.returncode == 0
    for code in ExitCode:
        assert f"{int(code)} " in ended.stdout.decode()


# ---------------------------------------------------------------- the other commands


def test_init_writes_a_template_and_never_overwrites(tmp_path: Path) -> None:
    ended = govapp("init", cwd=tmp_path)
    assert ended.returncode == 0
    assert "manifest.yaml" in told(ended)
    assert govapp("check", "manifest.yaml", cwd=tmp_path).returncode == ExitCode.UNDETERMINED
    (tmp_path / "manifest.yaml").write_text("mine", "utf-8")
    ended = govapp("init", cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert "--force" in told(ended)
    assert (tmp_path / "manifest.yaml").read_text("utf-8") == "mine"
    assert govapp("init", "--force", "--lang", "en", cwd=tmp_path).returncode == 0
    assert (tmp_path / "manifest.yaml").read_bytes() == govapp("init", "-", "--lang", "en").stdout


def test_rules_are_listed_for_programs() -> None:
    for lang in ("zh", "en"):
        rows = [line.split("\t") for line in govapp("rules", "--lang", lang).stdout.decode().splitlines()]
        assert [row[:2] for row in rows] == [[rule.label, rule.id] for rule in RULES]
        assert all(len(row) == 4 for row in rows)


def test_a_rule_is_explained_by_any_of_its_names() -> None:
    by_label, by_id = govapp("explain", "13.7a"), govapp("explain", "forced_check_in")
    assert by_label.returncode == 0
    assert by_label.stdout == by_id.stdout
    assert "打卡签到" in by_label.stdout.decode()
    assert "13.7c" in govapp("explain", "13.7").stdout.decode()


def test_the_schema_is_the_one_published() -> None:
    assert govapp("schema").stdout == render()


# ---------------------------------------------------------------- around the program


def test_a_check_loads_no_part_of_web_or_database(files: dict[ExitCode, str], tmp_path: Path) -> None:
    program = f"""
import sys
from services.audit.cli import run
sys.argv = ["govapp", "check", {files[ExitCode.VIOLATION]!r}, "--format", sys.argv[1]]
try:
    run()
except SystemExit as end:
    print(end.code, sorted(set({WEB_AND_DATABASE!r}) & set(sys.modules)), file=sys.stderr)
"""
    for format in ("text", "json", "sarif"):
        ended = subprocess.run(
            [sys.executable, "-c", program, format], cwd=tmp_path, capture_output=True, timeout=TIME_LIMIT_S, check=True
        )
        assert ended.stderr == b"1 []\n"


def test_a_missing_extra_is_named() -> None:
    program = """
import sys
sys.modules["fastapi"] = None
from services.audit.cli import run
sys.argv = ["govapp", "serve", sys.argv[1]]
run()
"""
    for service, extra in (("audit", "govapp[services]"), ("registry", "govapp[services]")):
        ended = subprocess.run(
            [sys.executable, "-c", program, service], capture_output=True, timeout=TIME_LIMIT_S, check=False
        )
        assert ended.returncode == ExitCode.UNREADABLE
        assert extra in told(ended)


def test_settings_that_cannot_be_used_are_named() -> None:
    ended = govapp("serve", "audit", GOVAPP_AUDIT_REGISTRY_TRIES="many")
    assert ended.returncode == ExitCode.UNREADABLE
    assert "GOVAPP_AUDIT_REGISTRY_TRIES" in told(ended)


def test_a_reader_that_goes_away_ends_the_program_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "wb") as pipe,
        subprocess.Popen([PROGRAM, "schema"], stdout=pipe, stderr=subprocess.PIPE) as run,
    ):
        _, said = run.communicate(timeout=TIME_LIMIT_S)
    assert (run.returncode, said) == (BROKEN_PIPE, b"")


def heed_interrupts() -> None:
    """Let a program be interrupted also where the tests run in the background, whose children ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(run: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    """Interrupt a program, and give what it said.

    A signal that comes between its last look for signals and its waiting for input waits with it, as a person's first
    Ctrl-C would; so it is interrupted again while it goes on.
    """
    until = time.monotonic() + TIME_LIMIT_S
    while True:
        run.send_signal(signal.SIGINT)
        try:
            return run.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            if time.monotonic() > until:
                raise


def test_an_interrupt_ends_the_program_quietly(tmp_path: Path) -> None:
    waiting = tmp_path / "waiting.yaml"
    os.mkfifo(waiting)
    # Opening the other end waits until the program has opened its own, so it is reading when the signal comes.
    with (
        subprocess.Popen(
            [PROGRAM, "check", str(waiting)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heed_interrupts,  # noqa: PLW1509 - it only sets a signal
        ) as run,
        waiting.open("wb"),
    ):
        shown, said = interrupted(run)
    assert (run.returncode, shown, said) == (INTERRUPTED, b"", b"")


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "latin-1"])
def test_a_terminal_of_another_encoding_is_no_obstacle(
    encoding: str, files: dict[ExitCode, str], tmp_path: Path
) -> None:
    for arguments in (
        ("check", *files.values()),
        ("rules",),
        ("explain", "12.1"),
        ("--help",),
        ("init", "-"),
        ("nothing",),
    ):
        ended = govapp(*arguments, cwd=tmp_path, PYTHONIOENCODING=encoding)
        told(ended, encoding)
        ended.stdout.decode(encoding)
    ended = govapp("check", files[ExitCode.VIOLATION], "--format", "json", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert json.loads(ended.stdout.decode("utf-8"))["outcome"] == "return"


def test_a_name_that_is_no_text_is_no_obstacle(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.json")
    (tmp_path / name).write_bytes(orjson.dumps(APPROVED))
    for format in ("text", "json", "sarif"):
        ended = govapp("check", name, "none", "--format", format, cwd=tmp_path)
        assert ended.returncode == ExitCode.UNREADABLE
        assert told(ended) == ""


# ---------------------------------------------------------------- with a registry


def test_a_registry_that_is_away_leaves_things_undetermined(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(orjson.dumps(EXEMPLARY["local"]))
    alone = govapp("check", "a.json", "--on", "2026-03-01", "--format", "json", cwd=tmp_path)
    away = govapp(
        "check", "a.json", "--on", "2026-03-01", "--format", "json", "--registry", "http://127.0.0.1:1", cwd=tmp_path
    )
    assert (away.returncode, away.stdout) == (ExitCode.UNDETERMINED, alone.stdout)
    assert "登记系统没有答复" in told(away)


@contextmanager
def serving(service: str, directory: Path, **environment: str) -> Iterator[str]:
    """Run a service on a free port until it is ready; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    log = directory / f"{service}.log"
    with (
        log.open("wb") as written,
        subprocess.Popen(
            [PROGRAM, "serve", service, "--port", str(port)],
            cwd=directory,
            env={**os.environ, **environment},
            stdout=written,
            stderr=written,
        ) as run,
    ):
        try:
            until = time.monotonic() + TIME_LIMIT_S
            while not _is_ready(address):
                assert run.poll() is None, log.read_text("utf-8")
                assert time.monotonic() < until, log.read_text("utf-8")
                time.sleep(0.05)
            yield address
        finally:
            run.send_signal(signal.SIGINT)
            run.wait(timeout=TIME_LIMIT_S)
    assert "Traceback" not in log.read_text("utf-8")


def _is_ready(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_command_line_and_service_give_the_same_bytes(tmp_path: Path) -> None:
    manifest = orjson.dumps(EXEMPLARY["local"])
    (tmp_path / "a.json").write_bytes(manifest)
    with (
        serving("registry", tmp_path, GOVAPP_REGISTRY_DATABASE_URL="sqlite:///registry.db") as registry,
        serving("audit", tmp_path, GOVAPP_AUDIT_REGISTRY_URL=registry) as audit,
    ):
        ended = govapp(
            "check", "a.json", "--on", "2026-03-01", "--format", "json", "--registry", registry, cwd=tmp_path
        )
        answer = httpx.post(
            f"{audit}/v1/checks",
            params={"on": "2026-03-01"},
            content=manifest,
            headers={"Content-Type": "application/json"},
            trust_env=False,
        )
    assert told(ended) == ""
    assert answer.content == ended.stdout
    assert answer.json()["revision"] is not None


@pytest.mark.parametrize("service", ["registry", "audit"])
def test_a_service_is_not_opened_to_the_network_by_default(service: str, tmp_path: Path) -> None:
    ended = govapp("serve", service, "--host", "0.0.0.0", cwd=tmp_path)  # noqa: S104 - it has to refuse this
    assert ended.returncode == ExitCode.UNREADABLE
    assert f"GOVAPP_{service.upper()}_WEB__TOKENS" in told(ended)


# ---------------------------------------------------------------- what is filed


@pytest.mark.parametrize("format", ["junit", "gitlab", "markdown", "html", "xlsx", "oscal"])
def test_every_format_can_be_written_to_a_file(format: str, files: dict[ExitCode, str], tmp_path: Path) -> None:
    ended = govapp("check", *files.values(), "--format", format, "--output", "out", cwd=tmp_path)
    assert (ended.returncode, told(ended)) == (ExitCode.UNREADABLE, "")
    again = govapp("check", *files.values(), "--format", format, cwd=tmp_path)
    assert again.stdout == (tmp_path / "out").read_bytes() != b""


@pytest.mark.parametrize("format", ["html", "xlsx"])
def test_a_format_whose_extra_is_missing_says_what_to_install(format: str, tmp_path: Path) -> None:
    (tmp_path / "approved.json").write_bytes(orjson.dumps(APPROVED))
    code = (
        "import sys\nsys.modules['jinja2'] = sys.modules['xlsxwriter'] = None\n"
        f"sys.argv = ['govapp', 'check', 'approved.json', '--format', '{format}']\n"
        "from services.audit.cli import run\nrun()\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert ended.returncode == ExitCode.UNREADABLE
    assert "govapp[reports]" in told(ended)


def test_a_baseline_lets_known_findings_pass_and_new_ones_fail(tmp_path: Path) -> None:
    manifest, known = tmp_path / "manifest.json", tmp_path / "known.json"
    manifest.write_bytes(orjson.dumps(DOCUMENTS[ExitCode.VIOLATION]))
    assert govapp("baseline", manifest.name, "--output", known.name, cwd=tmp_path).returncode == 0
    ended = govapp("check", manifest.name, "--baseline", known.name, cwd=tmp_path)
    assert ended.returncode == 0
    assert "基线已知" in ended.stdout.decode()
    assert "结论：退回" in ended.stdout.decode()  # a baseline changes no outcome
    more = {"id": "b", "kind": "check_in", "forced": True, "rhythm": "none"}
    features = [more, *DOCUMENTS[ExitCode.VIOLATION]["features"]]
    manifest.write_bytes(orjson.dumps({**APPROVED, "features": features}))
    assert govapp("check", manifest.name, "--baseline", known.name, cwd=tmp_path).returncode == ExitCode.VIOLATION
    manifest.write_bytes(orjson.dumps(APPROVED))
    ended = govapp("check", manifest.name, "--baseline", known.name, cwd=tmp_path)
    assert ended.returncode == 0
    assert "已不存在" in told(ended)


@pytest.mark.parametrize("content", [b"", b"{}", b'{"baseline": "1"', "汉".encode("gbk")])
def test_a_file_that_is_no_baseline_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "approved.json").write_bytes(orjson.dumps(APPROVED))
    (tmp_path / "known.json").write_bytes(content)
    ended = govapp("check", "approved.json", "--baseline", "known.json", cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert "govapp baseline" in told(ended)


def test_no_baseline_is_written_of_what_cannot_be_read(files: dict[ExitCode, str], tmp_path: Path) -> None:
    ended = govapp("baseline", *files.values(), "--output", "known.json", cwd=tmp_path)
    assert ended.returncode == ExitCode.UNREADABLE
    assert not (tmp_path / "known.json").exists()


def test_open_points_can_be_let_pass_but_no_violation(files: dict[ExitCode, str], tmp_path: Path) -> None:
    for code, expected in {ExitCode.UNDETERMINED: 0, ExitCode.VIOLATION: 1, ExitCode.UNREADABLE: 3}.items():
        ended = govapp("check", files[code], "--allow-undetermined", cwd=tmp_path)
        assert ended.returncode == expected


def test_a_notice_is_written_for_each_sponsor_and_never_over_another(tmp_path: Path) -> None:
    for number, sponsor in enumerate(("示例一局", "示例二局/../x", "示例一局")):
        document = {**DOCUMENTS[ExitCode.VIOLATION], "id": f"app-{number}"}
        document["sponsor"] = {**document["sponsor"], "name": sponsor}
        (tmp_path / f"{number}.json").write_bytes(orjson.dumps(document))
    options = ("--issuer", "示例省数据局", "--due", "2026-12-31", "--on", "2026-03-01", "--folder", "out")
    ended = govapp("notice", "0.json", "1.json", "2.json", *options, cwd=tmp_path)
    assert ended.returncode == 0, told(ended)
    pages = {each.name: each.read_text(encoding="utf-8") for each in (tmp_path / "out").iterdir()}
    assert sorted(pages) == ["示例一局.html", "示例二局_.._x.html"]
    assert "app-0" in pages["示例一局.html"]
    assert "app-2" in pages["示例一局.html"]
    assert "app-1" not in pages["示例一局.html"]
    again = govapp("notice", "0.json", *options, cwd=tmp_path)
    assert again.returncode == ExitCode.UNREADABLE
    assert "没有覆盖" in told(again)


def test_a_notice_leaves_nobody_out_in_silence(files: dict[ExitCode, str], tmp_path: Path) -> None:
    options = ("--issuer", "示例省数据局", "--due", "2026-12-31", "--on", "2026-03-01")
    unread = govapp("notice", files[ExitCode.UNREADABLE], *options, cwd=tmp_path)
    assert unread.returncode == ExitCode.UNREADABLE
    nobody = govapp("notice", files[ExitCode.VIOLATION], *options, cwd=tmp_path)
    assert nobody.returncode == ExitCode.UNREADABLE
    assert "主办单位" in told(nobody)
    past = govapp("notice", files[ExitCode.VIOLATION], "--issuer", "x", "--due", "2026-01-01", cwd=tmp_path)
    assert past.returncode == ExitCode.UNREADABLE
    assert list(tmp_path.glob("*.html")) == []
