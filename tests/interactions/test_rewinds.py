"""POST /v1/rewinds: the last swipe is taken back once, whatever fails on the way."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from features.wire import run
from gravity.bus import AppendFailed, Producer
from gravity.card_tokens import CardTokens
from gravity.kernel import Kernel
from interactions.rewinds import rewind
from interactions.sweeping import sweep
from tests.interactions.conftest import Clock
from tests.interactions.worlds import NOW, NOW_MS, appended, swipe_body, token
from tests.signed_client import SignedClient

Answer = tuple[int, dict[str, object]]


class Phone:
    """A viewer's phone."""

    def __init__(self, api: SignedClient, tokens: CardTokens, me: int) -> None:
        self.api, self.tokens, self.me = api, tokens, me

    async def swipe(
        self, candidate: int, action: str = "like", client_id: str = "", card: str = ""
    ) -> str:
        body = swipe_body(self.tokens, self.me, candidate, action, client_id)
        if card:
            body["token"] = card
        answer = await self.api.post(self.me, "/v1/swipes", body)
        return str(answer.json()["results"][0]["status"])

    async def rewind(self, client_id: str, card: str | None = None) -> Answer:
        body = {"client_swipe_id": client_id} | ({"token": card} if card else {})
        answer = await self.api.post(self.me, "/v1/rewinds", body)
        return answer.status_code, answer.json()


@pytest.fixture
def phone(api: SignedClient, tokens: CardTokens, me: int) -> Phone:
    return Phone(api, tokens, me)


async def seen_by(redis: Redis, me: int) -> list[bytes]:
    found: list[bytes] = await redis.zrange(f"seen:{{{me}}}", 0, -1)
    return found


async def test_the_last_swipe_is_taken_back_and_its_place_is_free(
    phone: Phone, redis: Redis, kernel: Kernel, me: int
) -> None:
    await phone.swipe(1)
    await phone.swipe(2, "superlike")
    for _ in range(2):
        status, answer = await phone.rewind("c2")
        assert status == 200
        assert answer == {
            "candidate": 2, "token": None, "remaining": 2, "remaining_superlikes": 1,
        }  # fmt: skip
    assert await seen_by(redis, me) == [b"1"]
    assert await run(redis.hlen(f"reserved:{{{me}}}")) == 0
    # One command, of the swipe's time; the repetition needed none.
    commands = [c for c in await appended(kernel, me, 3) if c.HasField("rewind")]
    (command,) = commands
    assert (command.target, command.rewind.client_swipe_id) == (2, "c2")
    assert command.rewind.swiped_ms == NOW_MS


async def test_a_late_copy_of_a_rewound_swipe_is_told_so_and_is_not_recorded_again(
    phone: Phone, kernel: Kernel, me: int
) -> None:
    await phone.swipe(1)
    await phone.rewind("c1")
    assert await phone.swipe(1) == "rewound"
    assert len(await appended(kernel, me, 2)) == 2


async def test_a_card_is_swiped_again_with_the_fresh_token_only(
    phone: Phone, kernel: Kernel, tokens: CardTokens, me: int
) -> None:
    await phone.swipe(1)
    old = token(tokens, me, 1)
    _, answer = await phone.rewind("c1", old)
    fresh = str(answer["token"])
    assert await phone.swipe(1, "pass", "again", old) == "token_used"
    assert await phone.swipe(1, "pass", "again", fresh) == "accepted"
    # By the same impression, later than what was taken back.
    first, _, second = await appended(kernel, me, 3)
    assert second.swipe.impression == first.swipe.impression
    assert second.occurred_at_ms > first.occurred_at_ms
    await phone.rewind("again")
    assert await phone.swipe(1, "pass", "once-more", fresh) == "token_used"


async def test_no_token_is_made_from_one_that_is_not_the_cards(
    phone: Phone, tokens: CardTokens, me: int
) -> None:
    await phone.swipe(1)
    for card in (token(tokens, me, 2), token(tokens, me + 1, 1), "x"):
        status, answer = await phone.rewind("c1", card)
        assert (status, answer["token"]) == (200, None)


async def test_why_a_swipe_is_not_rewound(phone: Phone, clock: Clock) -> None:
    async def refused(client_id: str) -> object:
        status, answer = await phone.rewind(client_id)
        assert (status, answer["code"]) == (409, "not_rewindable")
        return answer["why"]

    assert await refused("c1") == "unknown"
    await phone.swipe(1)
    await phone.swipe(2)
    assert await refused("c1") == "not_the_last"
    clock.now += timedelta(minutes=5, milliseconds=1)
    assert await refused("c2") == "too_late"
    await phone.swipe(3)
    clock.now += timedelta(minutes=5)
    assert (await phone.rewind("c3"))[0] == 200
    # One is taken back, not one after the other.
    assert await refused("c2") == "not_the_last"


async def test_what_is_not_acknowledged_is_not_rewound(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    await phone.swipe(1)
    # As a process leaves it that died before it settled.
    entry = f"o:20513:1:{NOW_MS}:{NOW_MS}:c1"
    await run(redis.hset(f"reserved:{{{me}}}", "1", entry))
    status, answer = await phone.rewind("c1")
    assert (status, answer["why"]) == (409, "not_acknowledged")
    assert await phone.swipe(1) == "accepted"
    assert (await phone.rewind("c1"))[0] == 200


async def test_yesterdays_swipe_gives_nothing_back_today(phone: Phone, clock: Clock) -> None:
    clock.now = NOW.replace(hour=23, minute=58)
    await phone.swipe(1)
    clock.now += timedelta(minutes=3)
    await phone.swipe(2)
    _, after = await phone.rewind("c2")
    assert after["remaining"] == 3
    clock.now = NOW.replace(day=2, hour=23, minute=58)
    await phone.swipe(3)
    clock.now += timedelta(minutes=3)
    status, answer = await phone.rewind("c3")
    assert (status, answer["remaining"]) == (200, 3)


@pytest.mark.parametrize("ended_by", ["retry", "swipe", "sweep"])
async def test_what_has_begun_is_ended_by_whoever_comes_next(
    ended_by: str, phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    await phone.swipe(1)
    broken = Producer.open("tansu://127.0.0.1:1", deadline_s=0.1)
    with pytest.raises(AppendFailed):
        await rewind(redis, kernel.pool, broken, me, "c1", NOW)
    await broken.close()
    # Swiped on meanwhile: the answer is the same as before.
    await phone.swipe(2)
    assert await seen_by(redis, me) == [b"1", b"2"]
    if ended_by == "retry":
        assert (await phone.rewind("c1"))[0] == 200
    elif ended_by == "swipe":
        assert await phone.swipe(1) == "rewound"
    else:
        later = NOW + timedelta(minutes=11)
        assert await sweep(redis, kernel.pool, kernel.producer, later) == 1
    assert await seen_by(redis, me) == [b"2"]
    assert (await phone.rewind("c1"))[1]["remaining"] == 2
    commands = [c for c in await appended(kernel, me, 3) if c.HasField("rewind")]
    assert [c.rewind.swiped_ms for c in commands] == [NOW_MS]


async def test_many_rewinds_at_once_are_one(phone: Phone, kernel: Kernel, me: int) -> None:
    await phone.swipe(1)
    answers = await asyncio.gather(*(phone.rewind("c1") for _ in range(5)))
    assert {status for status, _ in answers} == {200}
    assert (await phone.rewind("c1"))[1]["remaining"] == 3
    commands = [c for c in await appended(kernel, me, 2) if c.HasField("rewind")]
    assert len({c.event_id for c in commands}) == 1


async def test_a_swipe_on_somebody_blocked_since_is_taken_back_and_they_stay_hidden(
    phone: Phone, api: SignedClient, redis: Redis, me: int
) -> None:
    await redis.set(f"person:{{{me + 1}}}", b"x")
    await phone.swipe(me + 1)
    assert (await api.post(me, "/v1/blocks", {"person": me + 1})).status_code == 204
    assert (await phone.rewind(f"c{me + 1}"))[0] == 200
    assert await seen_by(redis, me) == []
    assert await run(redis.sismember(f"blocked:{{{me}}}", str(me + 1)))


async def test_the_row_of_an_earlier_swipe_settles_no_later_one(
    phone: Phone, kernel: Kernel, redis: Redis, clock: Clock, me: int
) -> None:
    """The matcher is behind a rewind: what it wrote is of the swipe that was taken back."""
    await phone.swipe(1)
    await kernel.pool.execute("insert into swipes values ($1, 1, 1, $2)", me, NOW)
    await phone.rewind("c1")
    clock.now = NOW + timedelta(seconds=1)
    kept = phone.tokens
    fresh = token(kept, me, 1, NOW_MS + 1000)
    # Reserved by an API that dies before it appends; then another device swipes the same card.
    entry = f"o:20260301:1:{NOW_MS + 1000}:{NOW_MS + 1000}:b"
    await run(redis.hset(f"reserved:{{{me}}}", "1", entry))
    await redis.zadd(f"seen:{{{me}}}", {"1": NOW_MS / 1000 + 1})
    await run(redis.hset(f"ids:{{{me}}}:20260301", "b", f"1:1:{NOW_MS + 1000}"))
    clock.now = NOW + timedelta(seconds=2)
    assert await phone.swipe(1, "like", "c", fresh) == "accepted"
    swipes = [c for c in await appended(kernel, me, 4) if c.HasField("swipe")]
    assert [c.swipe.client_swipe_id for c in swipes] == ["c1", "c"]


async def test_a_like_that_came_while_its_answer_stood_is_listed_once_the_answer_is_rewound(
    phone: Phone, kernel: Kernel, redis: Redis, me: int
) -> None:
    """The API died before it ended the rewind: the like was passed over, as if answered."""
    liker = me + 1
    await phone.swipe(liker)
    row = "insert into swipes values ($1, $2, 1, $3)"
    await kernel.pool.execute(row, liker, me, NOW + timedelta(seconds=1))
    assert (await phone.rewind(f"c{liker}"))[0] == 200
    assert await redis.zrange(f"likes:{{{me}}}", 0, -1) == [str(liker).encode()]
