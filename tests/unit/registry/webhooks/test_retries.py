"""When a failed delivery is tried again: later each time, at least as late as asked, and not for ever."""

from __future__ import annotations

import pytest

from services.registry.webhooks.retries import JITTER, LONGEST_ASKED_S, wait_s
from services.registry.webhooks.settings import WebhooksSettings

DELAYS = WebhooksSettings().retry_delays_s


def test_it_goes_on_for_days_and_ever_more_slowly() -> None:
    waits = [wait_s(tries, DELAYS, 0, 0) for tries in range(len(DELAYS))]
    assert waits == sorted(DELAYS)
    assert 3 * 86_400 < sum(DELAYS) < 7 * 86_400
    assert wait_s(len(DELAYS), DELAYS, 60, 0.5) is None


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_chance_makes_it_longer_by_a_share_at_most(chance: float) -> None:
    assert wait_s(1, (5, 60), 0, chance) == 60 * (1 + JITTER * chance)


def test_what_the_receiver_asks_for_is_waited_within_reason() -> None:
    assert wait_s(0, (5,), 120, 0) == 120
    assert wait_s(0, (5,), 1, 0) == 5
    assert wait_s(0, (5,), 10**9, 0) == LONGEST_ASKED_S
