"""Quotas: by tier, in one's own day, superlikes apart."""

from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from gravity.card_tokens import CardTokens
from interactions.quotas import day_ends, own_day
from tests.interactions.conftest import Clock
from tests.interactions.worlds import swipe_body
from tests.signed_client import SignedClient


@pytest.mark.parametrize(
    ("zone", "now", "ends"),
    [
        ("", "2026-03-01T23:59", "2026-03-02T00:00"),
        ("Asia/Tokyo", "2026-03-01T14:59", "2026-03-01T15:00"),
        ("Asia/Tokyo", "2026-03-01T15:00", "2026-03-02T15:00"),
        ("America/Los_Angeles", "2026-03-01T07:59", "2026-03-01T08:00"),
        # The day on which the clocks go forward has 23 hours.
        ("Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),
        # No such midnight: the clocks go from 23:59 to 1:00.
        ("Asia/Beirut", "2026-03-28T12:00", "2026-03-28T22:00"),
        ("Atlantis/Capital", "2026-03-01T12:00", "2026-03-02T00:00"),
        ("../../etc/passwd", "2026-03-01T12:00", "2026-03-02T00:00"),
        ("Europe", "2026-03-01T12:00", "2026-03-02T00:00"),
    ],
)
def test_a_day_ends_at_midnight_by_the_clock_of_its_zone(zone: str, now: str, ends: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    end = datetime.fromisoformat(ends).replace(tzinfo=UTC)
    day = own_day(zone, at)
    assert day_ends(day, zone) == end
    assert own_day(zone, end - timedelta(seconds=1)) == day
    assert own_day(zone, end) == day + 1


async def statuses(
    api: SignedClient, me: int, tokens: CardTokens, *candidates: int, zone: str = "",
    action: str = "like",
) -> list[str]:  # fmt: skip
    swipes = [swipe_body(tokens, me, c, action, at=api.clock()) for c in candidates]
    headers = api.headers(me, zone=zone)
    answer = await api.http.post("/v1/swipes", json={"swipes": swipes}, headers=headers)
    return [result["status"] for result in answer.json()["results"]]


async def test_each_tier_has_its_limits_and_a_higher_one_counts_at_once(
    api: SignedClient, tokens: CardTokens, me: int, redis: Redis
) -> None:
    # Free, plus, gold: 3, 5, 7 swipes and 1, 2, 3 superlikes.
    assert await statuses(api, me, tokens, *range(1, 5)) == ["accepted"] * 3 + ["over_limit"]
    superlikes = range(11, 15)
    assert await statuses(api, me, tokens, *superlikes, action="superlike") == [
        "accepted",
        *["over_superlikes"] * 3,
    ]
    await redis.set(f"tier:{{{me}}}", 3)
    assert await statuses(api, me, tokens, *range(4, 9)) == ["accepted"] * 4 + ["over_limit"]
    quota = (await api.get(me, "/v1/quota")).json()
    assert quota == {
        "tier": "gold",
        "swipes": {"limit": 7, "left": 0},
        "superlikes": {"limit": 3, "left": 2},
        "resets_at": "2026-03-02T00:00:00Z",
    }
    await redis.set(f"tier:{{{me}}}", 1)
    assert (await api.get(me, "/v1/quota")).json()["swipes"] == {"limit": 3, "left": 0}


async def test_the_day_is_the_one_of_the_zone_in_the_token(
    api: SignedClient, tokens: CardTokens, me: int, clock: Clock
) -> None:
    # 12:00 UTC is 21:00 in Tokyo.
    zone = "Asia/Tokyo"
    assert await statuses(api, me, tokens, 1, 2, 3, 4, zone=zone) == [
        *["accepted"] * 3,
        "over_limit",
    ]
    clock.now += timedelta(hours=2, minutes=59)
    assert await statuses(api, me, tokens, 4, zone=zone) == ["over_limit"]
    clock.now += timedelta(minutes=1)
    assert await statuses(api, me, tokens, 4, zone=zone) == ["accepted"]


async def test_hopping_between_zones_gains_one_day_and_no_more(
    api: SignedClient, tokens: CardTokens, me: int
) -> None:
    accepted = 0
    for round_ in range(3):
        for n, zone in enumerate(("Pacific/Pago_Pago", "Pacific/Kiritimati", "Europe/Berlin")):
            first = 100 * round_ + 10 * n + 1
            answers = await statuses(api, me, tokens, *range(first, first + 5), zone=zone)
            accepted += answers.count("accepted")
    assert accepted == 6
    headers = api.headers(me, zone="Pacific/Pago_Pago")
    quota = (await api.http.get("/v1/quota", headers=headers)).json()
    assert quota["swipes"]["left"] == 0
    # The day of Kiritimati, March 2, has to pass here as well: it is 1:00 of March 1.
    assert quota["resets_at"] == "2026-03-03T11:00:00Z"


async def test_a_quota_nobody_has_touched_is_whole(api: SignedClient, me: int) -> None:
    quota = (await api.get(me, "/v1/quota")).json()
    assert quota["tier"] == "free"
    assert (quota["swipes"], quota["superlikes"]) == (
        {"limit": 3, "left": 3},
        {"limit": 1, "left": 1},
    )
