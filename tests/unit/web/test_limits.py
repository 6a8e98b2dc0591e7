from hypothesis import given, settings
from hypothesis import strategies as st

from services.web import WebSettings
from services.web.limits import RateLimit
from tests.unit.web.tiny import READER, WRITER, ask, bearer, guarded_settings, tiny_service


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_burst_passes_then_one_at_a_time() -> None:
    clock = Clock()
    service = tiny_service(settings=WebSettings(rate_per_second=2, rate_burst=3), clock=clock)
    replies = [ask(service, "GET", "/v1/me") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["ratelimit"] for reply in replies] == [
        '"default";r=2;t=1',
        '"default";r=1;t=1',
        '"default";r=0;t=2',
        '"default";r=0;t=1',
    ]
    assert {reply.headers["ratelimit-policy"] for reply in replies} == {'"default";q=3;w=2'}
    assert replies[3].headers["retry-after"] == "1"
    assert replies[3].json()["type"] == "urn:govapp:problem:rate-limited"
    clock.now += 0.5
    assert [ask(service, "GET", "/v1/me").status_code for _ in range(2)] == [200, 429]


def test_whoever_waits_as_told_passes() -> None:
    clock = Clock()
    service = tiny_service(settings=WebSettings(rate_per_second=0.1, rate_burst=1), clock=clock)
    assert ask(service, "GET", "/v1/me").status_code == 200
    refused = ask(service, "GET", "/v1/me")
    clock.now += int(refused.headers["retry-after"]) - 1
    assert ask(service, "GET", "/v1/me").status_code == 429
    clock.now += 1
    assert ask(service, "GET", "/v1/me").status_code == 200


def test_clients_do_not_use_up_each_others_rate() -> None:
    service = tiny_service(settings=guarded_settings(rate_per_second=1, rate_burst=1))

    def status(host: str, headers: dict[str, str] | None = None) -> int:
        return ask(service, "GET", "/v1/me", host=host, headers=headers).status_code

    assert [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")] == [200, 429, 200]
    # A caller with a token is known by it, wherever they call from.
    assert [status("192.0.2.1", bearer(READER)), status("192.0.2.3", bearer(READER))] == [200, 429]
    assert status("192.0.2.1", bearer(WRITER)) == 200
    # One who guesses tokens is known by where they call from.
    assert [status("192.0.2.4", bearer("guess")), status("192.0.2.4", bearer("again"))] == [200, 429]


def test_what_does_not_exist_is_limited_too() -> None:
    service = tiny_service(settings=WebSettings(rate_per_second=1, rate_burst=1))
    assert [ask(service, "GET", "/nothing").status_code for _ in range(2)] == [404, 429]


def test_no_rate_no_headers() -> None:
    reply = ask(tiny_service(settings=WebSettings(rate_per_second=0)), "GET", "/v1/me")
    assert "ratelimit" not in reply.headers


@settings(deadline=None)
@given(
    burst=st.integers(1, 20),
    per_second=st.sampled_from([0.1, 1.0, 7.0, 1000.0]),
    pauses=st.lists(st.floats(0, 5), max_size=60),
)
def test_nobody_gets_more_than_burst_and_rate_nor_less_than_the_rate(
    burst: int, per_second: float, pauses: list[float]
) -> None:
    clock = Clock()
    began = clock.now
    limit = RateLimit(per_second, burst, 10, clock)
    granted = 0
    for pause in pauses:
        clock.now += pause
        allowance = limit.take("client")
        granted += allowance.is_granted
        assert 0 <= allowance.remaining < burst
        assert granted <= burst + (clock.now - began) * per_second + 1e-6
        if not allowance.is_granted:
            # Refused only when the bucket is really empty, and never for longer than one request needs.
            assert 0 < allowance.reset_s <= 1 / per_second + 1e-6
            assert granted >= burst


def test_a_flood_of_clients_fills_no_memory_and_frees_nobody_who_is_known_to_be_busy() -> None:
    clock = Clock()
    limit = RateLimit(1, 2, 10, clock)
    for number in range(1000):
        clock.now += 3  # Long enough for every bucket to be full again.
        limit.take(f"client {number}")
        assert limit.known_clients <= 10
    limit.take("busy")
    limit.take("busy")
    for number in range(8):
        limit.take(f"other {number}")
    assert not limit.take("busy").is_granted
    for number in range(1000):
        limit.take(f"at once {number}")
        assert limit.known_clients <= 10
