"""What a registry is asked, over HTTP and of Datasette, and the aims for a million apps on PostgreSQL.

Every question is asked in many ways, drawn from the registered apps, so that no cache answers for the database.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from benchmarks import load, nation
from benchmarks.nation.words import item
from services.manifest import divisions, ties
from services.manifest.model import Manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WAYS = 200
"""In how many ways each question is asked."""

COMMON = ("安全", "服务", "登记", "管理", "农村", "示例")
RARE = ("护林员", "烈士褒扬", "古树名木", "渡口安全", "排污口", "普法宣传")
_DATASETTE = "/registry"


@dataclass(frozen=True, slots=True)
class Question:
    """One question in its ways.

    Args:
        name: what is asked.
        requests: the requests to the registry.
        paths: the paths of Datasette that ask the same, as far as it can be asked; none where it cannot.
        aim_ms: the latency, at most, of 99 in 100 answers to a single client; None where nobody set one.
        crowd_aim_ms: the same with 16 readers and a writer.
    """

    name: str
    requests: Sequence[bytes]
    paths: Sequence[str]
    aim_ms: float | None = None
    crowd_aim_ms: float | None = None


def questions(apps: int) -> list[Question]:
    """Give the questions to a registry of so many apps of the nation."""
    chance = random.Random(apps)
    known = [nation.app(chance.randrange(55, apps)) for _ in range(WAYS)]
    manifests = [Manifest.model_validate_json(each.manifest) for each in known]
    return [
        _read(known),
        *_lists(chance, manifests),
        *_searches(),
        _facets(chance, manifests),
        Question("邻居：一般 · neighbours, typical", [_ask(each) for each in manifests], _looks(manifests), 5, 50),
        _hot("邻居：八个热门数据项，一县 · hot in a county", chance, 8, _county, 10, 60),
        _hot("邻居：八个热门数据项，全国 · hot nationwide", chance, 8, lambda _: "", 25, 200),
        _hot("邻居：最热门的八项，全国 · hottest nationwide", chance, 0, lambda _: "", None, None),
    ]


def _read(known: Sequence[nation.Declared]) -> Question:
    paths = [_table(id__exact=each.id) for each in known]
    return Question("读一个应用 · one app", [load.get(f"/v1/apps/{each.id}") for each in known], paths, 5)


def _lists(chance: random.Random, manifests: Sequence[Manifest]) -> list[Question]:
    by_place: list[dict[str, Any]] = []
    by_department: list[dict[str, Any]] = []
    for each in manifests:
        sponsor = each.sponsor
        division = (sponsor.division if sponsor else None) or chance.choice(divisions.PROVINCES)
        by_place.append({"division": division[:4], "level": "county", "stage": "online", "limit": 50})
        by_department.append({"sector": each.sector or "教育", "sort": "-changed", "limit": 50})
    near = [
        _table(level="county", stage="online", division__gte=each["division"], division__lt=f"{each['division']}:")
        for each in by_place
    ]
    sectors = [_table(sector=each["sector"], _sort_desc="since") for each in by_department]
    return [
        Question("列表：一市的县级应用 · a list by place", [_apps(each) for each in by_place], near),
        Question("列表：一行业，新变更在前 · by sector, newest", [_apps(each) for each in by_department], sectors),
    ]


def _searches() -> list[Question]:
    words = [*COMMON, *RARE]
    pages = [_apps({"q": word, "limit": 50}) for word in words]
    exact = [_apps({"q": word, "limit": 50, "total": "exact"}) for word in words]
    paths = [_sql(_SEARCH, word=_phrase(word)) for word in words]
    counts = [_sql(_COUNT, word=_phrase(word)) for word in words]
    return [
        Question("检索，合计到1000 · search, total to 1,000", pages, paths, 60),
        Question("检索，精确合计 · search, exact total", exact, counts, 600),
    ]


def _facets(chance: random.Random, manifests: Sequence[Manifest]) -> Question:
    provinces = [chance.choice(divisions.PROVINCES) for _ in manifests[:40]]
    requests = [load.get("/v1/facets/apps"), *(load.get(f"/v1/facets/apps?division={each}") for each in provinces)]
    facets = [("_facet", name) for name in ("kind", "level", "role", "stage", "faces_grassroots", "sector")]
    paths = [_table(facets), *(_table(facets, division__startswith=each) for each in provinces)]
    return Question("分类统计 · facets", requests, paths, 500)


# ---------------------------------------------------------------- neighbours


def _ask(manifest: Manifest) -> bytes:
    asked = [{"tie": each.tie, "regions": each.regions} for each in ties.questions(manifest)]
    return load.post("/v1/neighbourhoods", orjson.dumps({"app": manifest.id, "questions": asked}))


def _hot(
    name: str, chance: random.Random, first: int, place: Callable[[random.Random], str], *aims: float | None
) -> Question:
    requests, paths = [], []
    for _ in range(WAYS):
        regions = [place(chance)]
        hot = [ties.item_tie(f"code={item(n)[0]}") for n in range(first, first + 8)]
        asked = [{"tie": tie, "regions": regions} for tie in hot]
        requests.append(load.post("/v1/neighbourhoods", orjson.dumps({"app": None, "questions": asked})))
        paths.append(_look(hot, regions[0]))
    aim_ms, crowd_aim_ms = aims
    return Question(name, requests, paths, aim_ms, crowd_aim_ms)


def _county(chance: random.Random) -> str:
    while True:
        division = str(
            chance.choice(orjson.loads(nation.app(chance.randrange(55, 1000)).manifest).get("regions", [""]))
        )
        if len(division) == 6:
            return division


def _looks(manifests: Sequence[Manifest]) -> list[str]:
    paths = []
    for each in manifests:
        asked = ties.questions(each)
        paths.append(_look([question.tie for question in asked], asked[0].regions[0] if asked else ""))
    return paths


def _look(asked: Sequence[str], region: str) -> str:
    """Ask Datasette for the neighbours under some ties: the plain way, and without the total."""
    return _sql(
        _NEIGHBOURS, ties=orjson.dumps(asked).decode(), above=orjson.dumps(divisions.ancestors(region)).decode()
    )


# ---------------------------------------------------------------- how it is asked


_SEARCH = """
SELECT a.id, a.name FROM text_words w JOIN texts t ON t.id = w.rowid JOIN apps a ON a.id = t.app AND a.until IS NULL
 WHERE t.until IS NULL AND w.words MATCH :word ORDER BY t.app LIMIT 50
"""
_COUNT = (
    "SELECT count(*) FROM text_words w JOIN texts t ON t.id = w.rowid WHERE t.until IS NULL AND w.words MATCH :word"
)
_NEIGHBOURS = """
SELECT o.tie, o.division, o.app, o.facts FROM json_each(:ties) asked JOIN offers o ON o.tie = asked.value
 WHERE o.until IS NULL AND (o.division IN (SELECT value FROM json_each(:above))
    OR substr(o.division, 1, length(:above ->> '$[#-1]')) = :above ->> '$[#-1]')
 ORDER BY o.tie, o.division, o.app LIMIT 800
"""


def _phrase(word: str) -> str:
    return '"' + " ".join(word[i : i + 2] for i in range(len(word) - 1)) + '"'


def _apps(parameters: dict[str, Any]) -> bytes:
    return load.get(f"/v1/apps?{urlencode(parameters)}")


def _table(further: Sequence[tuple[str, str]] = (), **parameters: str) -> str:
    shown = {"until__isnull": "1", "is_withdrawn": "0", **parameters, "_size": "50"}
    return f"{_DATASETTE}/apps.json?{urlencode([*shown.items(), *further])}"


def _sql(statement: str, **parameters: str) -> str:
    return f"{_DATASETTE}.json?{urlencode({'sql': statement, '_shape': 'arrays', **parameters})}"
