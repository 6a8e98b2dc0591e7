import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from services.text import Text
from services.web import NotReadyError, Service, WebSettings
from services.web.measures import Measures
from tests.unit.web.tiny import Thing, ask, tiny_service


async def is_there(_: Request) -> None:
    """Find everything in order."""


async def is_empty(_: Request) -> None:
    raise NotReadyError(Text("索引是空的。", "The index is empty."))


async def is_broken(_: Request) -> None:
    raise OSError("connection to 192.0.2.7 refused for user swordfish")


async def never_answers(_: Request) -> None:
    await asyncio.Event().wait()


def samples(service: Service) -> dict[str, float]:
    text = ask(service, "GET", "/metrics").text
    return {name: float(value) for name, value in re.findall(r"^(govapp_[^ ]*(?:\{.*\})?) (\S+)$", text, re.MULTILINE)}


def requests_counted(service: Service, method: str, route: str, status: str) -> float:
    labels = f'{{method="{method}",route="{route}",status="{status}"}}'
    return samples(service).get(f"govapp_request_duration_seconds_count{labels}", 0)


def test_alive() -> None:
    reply = ask(tiny_service(checks={"database": is_broken}), "GET", "/healthz")
    assert (reply.status_code, reply.json()) == (200, {"status": "alive"})


def test_ready_when_every_check_passes() -> None:
    reply = ask(tiny_service(checks={"database": is_there, "index": is_there}), "GET", "/readyz")
    assert (reply.status_code, reply.json()) == (200, {"status": "ready", "checks": ["database", "index"]})


def test_not_ready_says_which_checks_failed_and_keeps_secrets() -> None:
    checks = {"good": is_there, "index": is_empty, "database": is_broken, "queue": never_answers}
    service = tiny_service(checks=checks, settings=WebSettings(ready_timeout_s=0.01))
    reply = ask(service, "GET", "/readyz", headers={"Accept-Language": "en"})
    assert (reply.status_code, reply.json()["type"]) == (503, "urn:govapp:problem:not-ready")
    assert {error["pointer"]: error["detail"] for error in reply.json()["errors"]} == {
        "index": "The index is empty.",
        "database": "The check failed; the log says why.",
        "queue": "There was no answer within 0.01 s.",
    }
    assert "swordfish" not in reply.text
    assert int(reply.headers["retry-after"]) > 0


def test_every_request_is_counted_under_its_operation() -> None:
    service = tiny_service(things={"a": Thing(name="a")})
    for path in ("/v1/things/a", "/v1/things/b", "/v1/things/c", "/v1/failure"):
        ask(service, "GET", path)
    assert requests_counted(service, "GET", "/v1/things/{thing_id}", "2xx") == 1
    assert requests_counted(service, "GET", "/v1/things/{thing_id}", "4xx") == 2
    assert requests_counted(service, "GET", "/v1/failure", "5xx") == 1
    problems = 'govapp_problems_total{method="GET",route="/v1/things/{thing_id}",type="not-found"}'
    assert samples(service)[problems] == 2


def test_refused_requests_are_counted_under_their_operation_too() -> None:
    service = tiny_service(settings=WebSettings(open_access=False, rate_per_second=1, rate_burst=2))
    for _ in range(3):
        ask(service, "GET", "/v1/things")
    # Watching has a rate of its own address.
    text = ask(service, "GET", "/metrics", host="192.0.2.99").text
    assert 'govapp_problems_total{method="GET",route="/v1/things",type="unauthenticated"} 2.0' in text
    assert 'govapp_problems_total{method="GET",route="/v1/things",type="rate-limited"} 1.0' in text


def test_what_callers_invent_never_becomes_a_label() -> None:
    service = tiny_service()
    for path in ("/nothing", "/v1/things/a/b", "/v1/me%0A"):
        ask(service, "GET", path)
    ask(service, "BREW", "/v1/me")
    assert requests_counted(service, "", "unknown", "4xx") == 4
    assert not any("nothing" in name or "BREW" in name for name in samples(service))


def test_requests_in_flight_include_the_one_that_asks() -> None:
    assert samples(tiny_service())["govapp_requests_in_flight"] == 1


def test_two_services_in_one_process_count_apart() -> None:
    one, other = tiny_service(), tiny_service()
    ask(one, "GET", "/v1/me")
    assert requests_counted(one, "GET", "/v1/me", "2xx") == 1
    assert requests_counted(other, "GET", "/v1/me", "2xx") == 0


@given(st.lists(st.tuples(st.integers(200, 599), st.floats(0, 60)), max_size=20))
def test_no_request_is_lost_in_counting(answered: list[tuple[int, float]]) -> None:
    measures = Measures()
    for status, duration_s in answered:
        measures.count(None, status, duration_s, None)
    counts = re.findall(rb"^govapp_request_duration_seconds_count\S* (\S+)$", measures.exposition(), re.MULTILINE)
    assert sum(map(float, counts)) == len(answered)
