"""Reading: a good document is read with its places, a bad one refused with all that is wrong and what to do."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.manifest import json_nodes, yaml_nodes
from services.manifest.mistakes import KINDS, Mistake, explain
from services.manifest.model import Manifest, canonical
from services.manifest.nodes import MAX_DEPTH, MAX_ITEMS, MAX_PROBLEMS, Lines, plain
from services.manifest.problems import validate
from services.manifest.reading import MAX_BYTES, Media, Problem, Unreadable, read
from tests import world

if TYPE_CHECKING:
    from services.manifest.faults import Said

EXEMPLARY = {name: each["app"] for name, each in world.load(world.RULES / "exemplary.yaml").items()}
MEDIA: tuple[Media, ...] = ("yaml", "json")
CHINESE = re.compile("[\u4e00-\u9fff]")


def problems(document: str | bytes, media: Media = "yaml") -> tuple[Problem, ...]:
    """Give what is wrong with a document that must be refused."""
    data = document if isinstance(document, bytes) else document.encode("utf-8", "surrogatepass")
    with pytest.raises(Unreadable) as refused:
        read(data, media=media, source="a name")
    assert refused.value.source == "a name"
    return refused.value.problems


def only(document: str | bytes, media: Media = "yaml") -> Problem:
    """Give the one thing that is wrong with a document."""
    (problem,) = problems(document, media)
    return problem


def declared(**fields: object) -> str:
    """Write a manifest with a few fields as JSON."""
    return json.dumps({"manifest": "1", **fields}, ensure_ascii=False)


# ---------------------------------------------------------------- what is right


@pytest.mark.parametrize("name", EXEMPLARY)
def test_both_formats_give_the_same_manifest(name: str) -> None:
    as_json = orjson.dumps(EXEMPLARY[name])
    expected = Manifest.model_validate_json(as_json)
    for media in MEDIA:  # JSON is YAML too
        assert read(as_json, media=media).manifest == expected
        assert canonical(read(as_json, media=media).manifest) == canonical(expected)


def test_a_byte_order_mark_is_skipped() -> None:
    for media in MEDIA:
        reading = read(b"\xef\xbb\xbf" + b'{"manifest": "1", "name": "\xe7\x94\xb2"}', media=media)
        assert reading.manifest.name == "甲"
        assert reading.positions.of("/name") == (1, 27)


def test_plain_values_follow_the_core_schema_of_yaml_1_2() -> None:
    text = "a: [no, on, 2025-03-01, 12:30, 1_000, ~, Null, true, FALSE, 0o17, 0x1F, 012, +1.5, 1e3, '1', \"2\"]"
    root = yaml_nodes.compose(text).root
    assert root is not None
    expected = ["no", "on", "2025-03-01", "12:30", "1_000", None, None, True, False, 15, 31, 12, 1.5, 1000.0, "1", "2"]
    assert plain(root) == {"a": expected}


def test_a_pair_of_escapes_is_one_character_in_both_formats() -> None:
    for media in MEDIA:
        assert read(b'{"manifest": "1", "name": "\\ud83d\\ude00"}', media=media).manifest.name == "😀"


def test_positions_are_those_of_values_from_one() -> None:
    text = (
        'manifest: "1"\nsponsor:\n  name: 示例局\nlevels: [city, county]\nfeatures:\n  - id: a\n    name: 甲\nname:\n'
    )
    positions = read(text.encode(), media="yaml", source="x").positions
    assert positions.of("") == (1, 1)
    assert positions.of("/sponsor") == (3, 3)
    assert positions.of("/sponsor/name") == (3, 9)
    assert positions.of("/levels/1") == (4, 16)
    assert positions.of("/features/0/name") == (7, 11)
    # Where nothing is written the name of the field is the place.
    assert positions.of("/name") == (8, 1)


def test_what_is_not_written_is_placed_at_the_nearest_thing_above() -> None:
    for media in MEDIA:
        positions = read(b'{"manifest": "1",\r\n "features": [{"id": "a"}]}', media=media).positions
        assert positions.of("/features/0/decline/how") == (2, 15)
        assert positions.of("/features/7/id") == (2, 14)
        assert positions.of("/features/x") == (2, 14)
        assert positions.of("/consolidation") == (1, 1)


def test_lines_end_as_editors_end_them() -> None:
    text = '{"manifest":\r"1",\r\n"name":\n"a\u2028b"}'
    assert read(text.encode(), media="json").positions.of("/name") == (4, 1)


def test_numbers_of_a_list_are_no_keys() -> None:
    (unknown,) = [each for each in problems('{"manifest": "1", "a/b~c": 1}', "json") if "a/b~c" in each.detail.zh]
    assert unknown.pointer == "/a~1b~0c"
    assert (unknown.line, unknown.column) == (1, 19)


# ---------------------------------------------------------------- what is wrong, each by itself

CREDIT = "91110000100003962X"
LINE = "写成一行可见的文字"
WRONG: list[tuple[str, Media, str, str, tuple[int, int], str, str]] = [
    # name, format, document, pointer, (line, column), words of the detail, words of the remedy
    ("unknown field, misspelt", "yaml", 'manifest: "1"\nnmae: x', "/nmae", (2, 1), "没有字段“nmae”", "name（名称）"),
    ("unknown field, in capitals", "json", declared(onlineOn="x"), "/onlineOn", (1, 19), "onlineOn", "online_on"),
    ("unknown field, in Chinese", "yaml", 'manifest: "1"\n名称: x', "/名称", (2, 1), "没有字段“名称”", "name（名称）"),
    (
        "unknown field, of another place",
        "yaml",
        'manifest: "1"\nchannel: own',
        "/channel",
        (2, 1),
        "channel",
        "/asks[]/channel",
    ),
    (
        "unknown field, like none",
        "json",
        declared(sponsor={"q": 1}),
        "/sponsor/q",
        (1, 31),
        "“主办单位”没有字段",
        "credit_code",
    ),
    ("wrong term", "yaml", 'manifest: "1"\nkind: ap', "/kind", (2, 7), "“形态”可取的值", "app（移动客户端）"),
    ("wrong term, in Chinese", "json", declared(levels=["县级"]), "/levels/0", (1, 30), "县级", "是否为 county"),
    (
        "wrong term where none is one",
        "json",
        declared(features=[{"rhythm": "dayly"}]),
        "/features/0/rhythm",
        (1, 43),
        "dayly",
        "写 none",
    ),
    ("number for text", "yaml", 'manifest: "1"\nversion: 1.0', "/version", (2, 10), "不带引号的 1.0", '加引号："1.0"'),
    ("number for the version", "yaml", "manifest: 1", "/manifest", (1, 11), "清单版本", 'manifest: "1"'),
    (
        "huge number",
        "json",
        '{"manifest": "1", "name": ' + "9" * 5000 + "}",
        "/name",
        (1, 27),
        "不是可用的数",
        "加引号",
    ),
    ("huge number, in YAML", "yaml", f'manifest: "1"\nname: {"9" * 5000}', "/name", (2, 7), "不是可用的数", "加引号"),
    ("NaN", "json", '{"manifest": "1", "name": NaN}', "/name", (1, 27), "NaN", "加引号"),
    ("infinity", "json", '{"manifest": "1", "name": -Infinity}', "/name", (1, 27), "-Infinity", "加引号"),
    ("infinity by size", "json", '{"manifest": "1", "name": 1e999}', "/name", (1, 27), "1e999", "加引号"),
    ("infinity, in YAML", "yaml", 'manifest: "1"\nname: -.inf', "/name", (2, 7), "-.inf", "加引号"),
    ("no version", "yaml", "name: a", "/manifest", (1, 1), "缺少“清单版本”", 'manifest: "1"'),
    (
        "yes for true",
        "yaml",
        'manifest: "1"\nfaces_grassroots: yes',
        "/faces_grassroots",
        (2, 19),
        "true 或 false",
        "写成 true",
    ),
    (
        "Chinese for false",
        "json",
        declared(has_commercial_activity="否"),
        "/has_commercial_activity",
        (1, 46),
        "否",
        "写成 false",
    ),
    (
        "impossible day",
        "yaml",
        'manifest: "1"\nbegun_on: 2025-02-30',
        "/begun_on",
        (2, 11),
        "没有 2025-02-30 这一天",
        "查对",
    ),
    (
        "day of another form",
        "yaml",
        'manifest: "1"\nbegun_on: 2025/3/1',
        "/begun_on",
        (2, 11),
        "2025/3/1",
        "2025-03-01",
    ),
    ("seconds for a day", "json", declared(begun_on="1735689600"), "/begun_on", (1, 31), "1735689600", "2025-03-01"),
    ("instant for a day", "json", declared(begun_on="2025-03-01T00:00:00Z"), "/begun_on", (1, 31), "T00", "2025-03-01"),
    ("number for a day", "yaml", 'manifest: "1"\nbegun_on: 20250301', "/begun_on", (2, 11), "20250301", "2025-03-01"),
    ("text for a list", "yaml", 'manifest: "1"\nlevels: county', "/levels", (2, 9), "应为列表", "[county]"),
    ("list for a map", "yaml", 'manifest: "1"\nsponsor: [a]', "/sponsor", (2, 10), "应为一组字段", "name"),
    ("text for a fact", "json", declared(review="x"), "/review", (1, 29), "文本“x”", "写 none"),
    ("text for an item", "json", declared(features=["x"]), "/features/0", (1, 32), "应为一组字段", "id"),
    ("list at the top", "json", "[1]", "", (1, 1), "“清单”应为一组字段，这里是列表", "manifest"),
    ("list at the top, in YAML", "yaml", "- a", "", (1, 1), "“清单”应为一组字段，这里是列表", "manifest"),
    ("text at the top", "yaml", "govapp", "", (1, 1), "文本“govapp”", "manifest"),
    ("empty text", "json", declared(name=""), "/name", (1, 27), "不能是空文本", "整个去掉"),
    ("long text", "json", declared(name="长" * 201), "/name", (1, 27), "最多 200 个字符，这里有 201 个", "短"),
    ("empty list", "json", declared(regions=[]), "/regions", (1, 30), "不能是空列表", "至少写一项"),
    ("long list", "json", declared(platforms=["web"] * 9), "/platforms", (1, 32), "最多 8 项", "减少"),
    ("id with a slash", "yaml", 'manifest: "1"\nid: a/b', "/id", (2, 5), "标识不能这样写", "小写字母"),
    (
        "key with a space",
        "json",
        declared(features=[{"function": "a b"}]),
        "/features/0/function",
        (1, 45),
        "编码",
        "首尾",
    ),
    ("control character", "json", '{"manifest": "1", "name": "a\\u0007b"}', "/name", (1, 27), "控制字符", LINE),
    ("NUL", "json", '{"manifest": "1", "name": "a\\u0000"}', "/name", (1, 27), "控制字符", LINE),
    ("turned text", "yaml", 'manifest: "1"\nvendor: "a\\u202eb"', "/vendor", (2, 9), "改变文字方向", LINE),
    ("two lines for one", "yaml", 'manifest: "1"\nvendor: |\n  a\n  b', "/vendor", (2, 9), "不止一行", LINE),
    ("half a character", "json", '{"manifest": "1", "name": "\\ud800"}', "/name", (1, 27), "半个字符", "直接写出"),
    ("half a character, in YAML", "yaml", 'manifest: "1"\nname: "\\udc00"', "/name", (2, 7), "半个字符", "直接写出"),
    (
        "unknown division",
        "json",
        declared(regions=["338899"]),
        "/regions/0",
        (1, 31),
        "没有行政区划代码 338899",
        "相近的有 33",
    ),
    (
        "division of three digits",
        "json",
        declared(regions=["330"]),
        "/regions/0",
        (1, 31),
        "2、4、6、9 或 12 位",
        "引号",
    ),
    (
        "division in wide digits",
        "json",
        declared(regions=["３３"]),
        "/regions/0",
        (1, 31),
        "2、4、6、9 或 12 位",
        "引号",
    ),
    ("division as a number", "yaml", 'manifest: "1"\nregions: [33]', "/regions/0", (2, 11), "不带引号的 33", '"33"'),
    (
        "wrong check character",
        "json",
        declared(sponsor={"credit_code": CREDIT}),
        "/sponsor/credit_code",
        (1, 46),
        "应为 Y",
        "核对",
    ),
    (
        "short credit code",
        "json",
        declared(sponsor={"credit_code": "9111"}),
        "/sponsor/credit_code",
        (1, 46),
        "18 位",
        "核对",
    ),
    (
        "contradiction",
        "json",
        declared(begun_on="2025-02-01", online_on="2025-01-01"),
        "/online_on",
        (1, 58),
        "早于",
        "更正",
    ),
    (
        "field twice",
        "json",
        '{"manifest": "1", "name": "a", "name": "b"}',
        "/name",
        (1, 32),
        "重复，已写在第 1 行第 19 列",
        "一处",
    ),
    (
        "field twice, in YAML",
        "yaml",
        'manifest: "1"\nname: a\nname: b',
        "/name",
        (3, 1),
        "重复，已写在第 2 行第 1 列",
        "一处",
    ),
    (
        "field twice, deep",
        "json",
        declared()[:-1] + ', "sponsor": {"name": "a", "name": "a"}}',
        "/sponsor/name",
        (1, 44),
        "重复",
        "一处",
    ),
    ("anchor", "yaml", 'manifest: "1"\nname: &a x', "/name", (2, 7), "锚点", "去掉"),
    ("alias", "yaml", 'manifest: "1"\nname: *a', "/name", (2, 7), "别名", "写在此处"),
    ("tag", "yaml", 'manifest: "1"\nname: !!python/object:os.system x', "/name", (2, 7), "标签", "去掉标签"),
    ("several documents", "yaml", 'manifest: "1"\n---\nmanifest: "1"', "", (2, 1), "几份 YAML 文档", "一份清单"),
    ("another YAML", "yaml", '%YAML 1.1\n---\nmanifest: "1"', "", (2, 1), "YAML 1.2", "%YAML"),
    ("map for a name", "yaml", "? {a: b}\n: c", "", (1, 3), "字段名应为一个词", "字段: 值"),
    ("tab", "yaml", 'manifest: "1"\nsponsor:\n\tname: a', "/sponsor", (3, 1), "制表符", "空格"),
    ("colon in a value", "yaml", 'manifest: "1"\nname: a: b', "", (2, 8), "冒号", "引号"),
    ("no colon", "yaml", 'manifest: "1"\nname', "", (2, 5), "缺少冒号", "字段: 值"),
    ("open quotation, in YAML", "yaml", 'manifest: "1"\nname: "a', "/name", (2, 9), "引号没有结束", "补上"),
    ("unknown escape, in YAML", "yaml", 'manifest: "1"\nname: "\\q"', "/name", (2, 9), "转义", "单引号"),
    (
        "impossible escape, in YAML",
        "yaml",
        'manifest: "1"\nname: "\\U99999999"',
        "/name",
        (2, 1),
        "不合 YAML 语法",
        "引号",
    ),
    ("open bracket, in YAML", "yaml", 'manifest: "1"\nlevels: [city', "/levels/0", (2, 14), "右括号", "补上"),
    ("at sign", "yaml", 'manifest: "1"\nname: @x', "/name", (2, 7), "不能以这个字符开头", "引号"),
    ("uneven indentation", "yaml", 'manifest: "1"\nsponsor:\n    name: a\n  level: city', "", (4, 3), "缩进", "相同"),
    ("control character, in YAML", "yaml", 'manifest: "1"\nname: a\x07', "", (2, 8), "控制字符", "去掉"),
    ("NUL, in YAML", "yaml", 'manifest: "1"\0', "", (1, 14), "控制字符", "去掉"),
    ("nothing, in YAML", "yaml", "", "", (1, 1), "空的", "govapp init"),
    ("nothing", "json", " \n ", "", (1, 1), "空的", "govapp init"),
    ("comments only", "yaml", "# a\n", "", (1, 1), "空的", "govapp init"),
    ("null", "json", "null", "", (1, 1), "“清单”应为一组字段", "manifest"),
    ("trailing comma", "json", '{"manifest": "1",}', "/manifest", (1, 17), "逗号", "去掉"),
    ("no comma", "json", '{"manifest": "1" "name": "a"}', "/manifest", (1, 18), "缺少 , 或 }", "补上"),
    ("no colon, in JSON", "json", '{"manifest" "1"}', "/manifest", (1, 13), "缺少 :", "补上"),
    ("no value", "json", '{"manifest": }', "/manifest", (1, 14), "缺少一个值", "null"),
    ("bare name", "json", "{manifest: 1}", "", (1, 2), "双引号中的字段名", '"字段": 值'),
    ("bare word", "json", '{"manifest": none}', "/manifest", (1, 14), "“none”不是 JSON 的值", "双引号"),
    ("comment", "json", '{"manifest": "1"} // x', "", (1, 19), "结束之后还有内容", "一份清单"),
    ("open quotation", "json", '{"manifest": "1', "/manifest", (1, 14), "没有结束的引号", "双引号"),
    ("line break in a text", "json", '{"manifest": "1\n"}', "/manifest", (1, 16), "换行", "\\n"),
    ("unknown escape", "json", '{"manifest": "\\q"}', "/manifest", (1, 15), "转义", "\\\\"),
    ("single quotation marks", "json", "{'manifest': '1'}", "", (1, 2), "双引号中的字段名", '"字段": 值'),
]


@pytest.mark.parametrize(
    ("media", "document", "pointer", "place", "detail", "remedy"),
    [each[1:] for each in WRONG],
    ids=[each[0] for each in WRONG],
)
def test_a_mistake_is_told_with_its_place_and_remedy(
    media: Media, document: str, pointer: str, place: tuple[int, int], detail: str, remedy: str
) -> None:
    problem = only(document, media)
    assert (problem.pointer, (problem.line, problem.column)) == (pointer, place), problem
    assert detail in problem.detail.zh, problem
    assert remedy in problem.remedy.zh, problem
    assert_bilingual(problem)


def assert_bilingual(problem: Problem) -> None:
    assert CHINESE.search(problem.detail.zh), problem
    assert CHINESE.search(problem.remedy.zh), problem
    for said in (problem.detail.en, problem.remedy.en):
        assert said, problem
        # What somebody wrote, and the names of places, may be Chinese; the sentence around them is not.
        assert re.search("[a-z]{2}", said), problem


def test_bytes_that_are_no_utf_8_are_told_by_their_offset() -> None:
    for media in MEDIA:
        problem = only(b'manifest: "1"\nname: ' + "甲".encode("gbk"), media)
        assert "第 21 个字节" in problem.detail.zh
        assert (problem.line, problem.column) == (2, 7)
        assert "GBK" in problem.remedy.zh
    assert "第 1 个字节" in only("manifest".encode("utf-16")).detail.zh


# ---------------------------------------------------------------- everything at once


def test_everything_wrong_is_told_at_once_in_the_order_of_the_text() -> None:
    text = """
nmae: x
kind: ap
faces_grassroots: false
levels: [county, city, town]
id: a
id: b
begun_on: 2025-02-01
online_on: 2024-01-01
retired_on: someday
vendor: *v
features:
  - {id: f, levels: [village]}
  - {id: f}
  - {id: 'x y'}
asks:
  - {feature: f, basis: {titel: x}}
"""
    found = problems(text)
    assert [(each.line, each.pointer) for each in found] == [
        (2, "/manifest"),
        (2, "/nmae"),
        (3, "/kind"),
        (5, "/levels/2"),
        (7, "/id"),
        (9, "/online_on"),
        (10, "/retired_on"),
        (11, "/vendor"),
        (13, "/features/0/levels/0"),
        (14, "/features/1/id"),
        (15, "/features/2/id"),
        (17, "/asks/0/basis/titel"),
    ]


def test_a_wrong_id_is_not_told_again_as_a_missing_feature() -> None:
    assert only(declared(features=[{"id": "a/b"}], asks=[{"feature": "ab"}])).pointer == "/features/0/id"
    told = problems(declared(name=1, features=[{"id": "a"}], asks=[{"feature": "b"}]))
    assert {each.pointer for each in told} == {"/name", "/asks/0/feature"}


def test_a_list_whose_items_are_wrong_is_not_called_empty() -> None:
    assert only(declared(regions=["x"])).pointer == "/regions/0"


def test_what_hides_a_value_is_told_instead_of_the_value() -> None:
    assert [each.pointer for each in problems('manifest: "1"\nkind: !x 3\nstage: *a\nlevels: [*a]')] == [
        "/kind",
        "/stage",
        "/levels/0",
    ]


def test_not_more_is_told_than_somebody_can_read() -> None:
    for media in MEDIA:
        *told, last = problems(json.dumps({f"k{i}": 1 for i in range(500)}), media)
        assert len(told) == MAX_PROBLEMS - 1
        assert "另有 402 处" in last.detail.zh
    nonsense: dict[Media, str] = {"json": "[" + "NaN, " * 500 + "1]", "yaml": "- *a\n" * 500}
    for media, text in nonsense.items():
        assert "其后的内容没有读" in problems(text, media)[-1].detail.zh


# ---------------------------------------------------------------- what is too much


def test_a_large_document_is_refused_before_it_is_looked_at() -> None:
    for media in MEDIA:
        assert "256 KiB" in only(b"\xff" * (5 << 20), media).detail.zh
    fits = b'{"manifest": "1"}'.ljust(MAX_BYTES)
    assert read(fits, media="json").manifest == Manifest(manifest="1")
    assert "256 KiB" in only(fits + b" ", "json").detail.zh


DEEP = {
    "lists": "[" * 10_000,
    "maps": '{"a":' * 10_000,
    "dashes": "- " * 10_000,
    "bare maps": "[{a: " * 10_000,
    "indentation": "\n".join(" " * i + "a:" for i in range(500)),
}


@pytest.mark.parametrize("name", DEEP)
def test_nesting_without_end_is_refused(name: str) -> None:
    assert f"嵌套超过 {MAX_DEPTH} 层" in only(DEEP[name], "yaml").detail.zh
    if name in {"lists", "maps"}:
        assert f"嵌套超过 {MAX_DEPTH} 层" in only(DEEP[name], "json").detail.zh


def test_nesting_up_to_the_limit_is_looked_at() -> None:
    for media in MEDIA:
        at_limit = '{"a": ' + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1) + "}"
        assert [each.pointer for each in problems(at_limit, media)] == ["/manifest", "/a"]
        assert "嵌套" in only('{"a": ' + "[" * MAX_DEPTH, media).detail.zh


def test_an_alias_bomb_is_told_and_not_expanded() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    told = problems(bomb)
    assert sum("别名" in each.detail.zh for each in told) == 72
    assert sum("锚点" in each.detail.zh for each in told) == 9


def test_a_list_without_end_is_not_read_to_its_end() -> None:
    for media in MEDIA:
        problem = only(declared(asks=[{}] * (MAX_ITEMS + 1)), media)
        assert (problem.pointer, problem.detail.zh) == (f"/asks/{MAX_ITEMS}", f"超过 {MAX_ITEMS} 项")


# ---------------------------------------------------------------- whatever comes

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from('{}[]:,"\\-|>&*!%@`#\t\n\0 '), max_size=60)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | TEXTS
    | st.sampled_from(["none", "county", "2025-03-01", "app", "9901"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS | st.sampled_from(sorted(Manifest.model_fields)), inner, max_size=4)
    ),
    max_leaves=20,
)
NAMES = st.sampled_from(sorted({*Manifest.model_fields, "titel", "costs", "how", "to", "planned_by", "levels"}))
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=8).map(lambda each: {"manifest": "1", **each})


def refused_or_read(data: bytes, media: Media) -> Manifest | None:
    """Read, and look closely at what is told when it cannot be read."""
    try:
        return read(data, media=media).manifest
    except Unreadable as error:
        told = error.problems
    lines = re.split("\r\n|\r|\n", data.decode("utf-8", "replace"))
    assert told
    for each in told:
        assert 1 <= each.line <= len(lines)
        assert each.column >= 1
        assert_bilingual(each)
        assert not re.search("[\x00-\x1f\x7f\ud800-\udfff]", each.detail.zh + each.remedy.zh)
    return None


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
@example(b"")
@example(b"\xff\xfe")
@example(b"'")
@example(b"%")
@example(b"!<")
@example(b"? ")
@settings(deadline=None)
def test_no_bytes_are_answered_with_anything_but_problems(data: bytes) -> None:
    for media in MEDIA:
        refused_or_read(data, media)


@given(DOCUMENTS)
@settings(max_examples=200, deadline=None)
def test_the_quick_and_the_close_reader_agree(document: dict[str, Any]) -> None:
    text = json.dumps(document, ensure_ascii=False)
    quick = refused_or_read(text.encode(), "json")
    tree = json_nodes.compose(text)
    try:
        close: Manifest | None = validate(tree, Lines(text), None)
    except Unreadable:
        close = None
    assert quick == close


@given(DOCUMENTS)
@settings(max_examples=100, deadline=None)
def test_a_json_document_is_the_same_in_yaml(document: dict[str, Any]) -> None:
    text = json.dumps(document)  # ASCII only: YAML forbids some characters that JSON may hold
    assert refused_or_read(text.encode(), "yaml") == refused_or_read(text.encode(), "json")


@given(st.sampled_from(sorted(EXEMPLARY)), st.data())
@settings(max_examples=150, deadline=None)
def test_a_damaged_manifest_is_read_or_refused(name: str, data: st.DataObject) -> None:
    text = json.dumps(EXEMPLARY[name], ensure_ascii=False)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 20)))
    damaged = text[:start] + data.draw(TEXTS) + text[end:]
    for media in MEDIA:
        refused_or_read(damaged.encode(), media)


def test_every_kind_of_mistake_has_its_sentence_and_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    told: set[str] = set()

    def listen(kind: str, mistake: Mistake) -> Said:
        told.add(kind)
        return explain(kind, mistake)

    monkeypatch.setattr("services.manifest.problems.explain", listen)
    for _, media, document, *_ in WRONG:
        problems(document, media)
    assert told == KINDS
