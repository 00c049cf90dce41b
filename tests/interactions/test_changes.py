"""GET /v1/changes: what is new is told as it happens, once, and again to whoever asks again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
import uvicorn
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features.person_row import person_row_key
from features.wire import run
from gravity import issuer
from gravity.bus import Record
from gravity.http_server import Server
from gravity.kernel import Kernel
from interactions import keys, read_updates
from interactions.app import create_app
from interactions.changes import look
from tests.interactions.conftest import Clock
from tests.interactions.worlds import NOW, NOW_MS, add_people
from tests.signed_client import SignedClient, signed_client


@pytest.fixture
async def api(kernel: Kernel, clock: Clock, keys: issuer.KeyPair) -> AsyncIterator[SignedClient]:
    """A client of the interactions API with its subscription running."""
    app = create_app(kernel)
    async with app.router.lifespan_context(app), signed_client(app, keys, clock) as client:
        yield client


async def match(redis: Redis, low: int, high: int, episode: int = 1, end: int = 0) -> None:
    """The event of a match that begins, or ends."""
    event: events.MatchCreated | events.MatchEnded
    if end:
        event = events.MatchEnded(reason=events.MatchEnd.ValueType(end))
    else:
        event = events.MatchCreated()
    event.low, event.high, event.episode, event.occurred_at_ms = low, high, episode, NOW_MS
    topic = "match.ended" if end else "match.created"
    record = Record(topic, 0, 0, b"", event.SerializeToString())
    await read_updates.subscription(redis, lambda: NOW).handle(None, [record])


async def changes(
    api: SignedClient, viewer: int, after: str = "", wait: float = 20
) -> dict[str, object]:
    params: dict[str, str | int] = {"wait": str(wait)}
    if after:
        params["after"] = after
    response = await api.get(viewer, "/v1/changes", **params)
    assert response.status_code == 200, response.text
    found: dict[str, object] = response.json()
    return found


async def begin(api: SignedClient, viewer: int) -> str:
    """The cursor of now."""
    first = await changes(api, viewer)
    assert (first["changes"], first["reset"]) == ([], False)
    return str(first["next"])


async def hold(redis: Redis, viewer: int, *cards: int) -> None:
    """As discovery notes the cards of a deck."""
    until = int((NOW + timedelta(minutes=15)).timestamp() * 1000)
    await redis.zadd(keys.shown(viewer), {str(card): until for card in cards})


async def waiting(redis: Redis, *viewers: int) -> None:
    """Return when the channels of all are listened to."""
    names = [keys.changes(viewer) for viewer in viewers]
    async with asyncio.timeout(60):
        while not all(count for _, count in await redis.pubsub_numsub(*names)):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def told(found: dict[str, object]) -> list[tuple[str, int, str | None]]:
    items = found["changes"]
    assert isinstance(items, list)
    return [(item["kind"], item["person"], item["reason"]) for item in items]


async def test_both_hear_of_a_match_and_of_its_end_as_it_happens(
    api: SignedClient, redis: Redis, me: int
) -> None:
    other = me + 1
    cursors = {viewer: await begin(api, viewer) for viewer in (me, other)}
    for end, expected in (
        (0, ("match_created", None)),
        (events.MATCH_END_REWIND, ("match_ended", "rewind")),
    ):
        polls = [asyncio.create_task(changes(api, v, cursors[v])) for v in (me, other)]
        await waiting(redis, me, other)
        await match(redis, me, other, end=end)
        kind, reason = expected
        for (viewer, partner), found in zip(
            ((me, other), (other, me)), await asyncio.gather(*polls), strict=True
        ):
            assert told(found) == [(kind, partner, reason)]
            cursors[viewer] = str(found["next"])


async def test_redelivered_events_are_told_once_and_a_lost_answer_can_be_asked_for_again(
    api: SignedClient, redis: Redis, me: int
) -> None:
    cursor = await begin(api, me)
    for _ in range(2):
        await match(redis, me, me + 1)
        await match(redis, me, me + 1, end=events.MATCH_END_BLOCK)
        await match(redis, me, me + 1)
    expected = [("match_created", me + 1, None), ("match_ended", me + 1, "unmatch")]
    first = await changes(api, me, cursor)
    assert told(first) == expected
    assert await changes(api, me, cursor) == first
    assert told(await changes(api, me, str(first["next"]), wait=0)) == []


async def test_what_happens_in_the_millisecond_of_the_first_cursor_is_told(
    redis: Redis, me: int
) -> None:
    # Of so many, some have both in one.
    for viewer in range(me, me + 300):
        begun = (await look(redis, viewer, None, NOW)).next
        await match(redis, 1, viewer)
        found = await look(redis, viewer, begun, NOW)
        assert [change.kind for change in found.changes] == ["created"]


async def test_an_end_nobody_heard_the_beginning_of_is_no_news(
    api: SignedClient, redis: Redis, me: int
) -> None:
    cursor = await begin(api, me)
    await match(redis, me, me + 1, end=events.MATCH_END_UNMATCH)
    await match(redis, me, me + 1)
    assert told(await changes(api, me, cursor, wait=0)) == []


Withdrawing = Callable[[Redis, int, int], Awaitable[None]]


async def banned(redis: Redis, _: int, card: int) -> None:
    await run(redis.sadd(keys.WITHDRAWN, str(card)))
    await redis.publish(keys.WITHDRAWN, str(card))


async def blocks_the_viewer(redis: Redis, viewer: int, card: int) -> None:
    await run(redis.sadd(keys.blocked(viewer), str(card)))
    await redis.publish(keys.changes(viewer), "")


async def gone(redis: Redis, _: int, card: int) -> None:
    await redis.delete(person_row_key(card))
    await redis.publish(keys.WITHDRAWN, str(card))


@pytest.mark.parametrize("withdraw", [banned, blocks_the_viewer, gone])
@pytest.mark.parametrize("held_before", [True, False])
async def test_a_card_held_is_withdrawn_once_while_its_viewer_waits(
    api: SignedClient, redis: Redis, me: int, withdraw: Withdrawing, held_before: bool
) -> None:
    await add_people(redis, me + 1, me + 2)
    if held_before:
        await hold(redis, me, me + 1, me + 2)
    cursor = await begin(api, me)
    poll = asyncio.create_task(changes(api, me, cursor))
    await waiting(redis, me)
    if not held_before:
        # A deck fetched while the poll waits.
        await hold(redis, me, me + 1, me + 2)
        await redis.publish(keys.changes(me), "")
    await withdraw(redis, me, me + 1)
    found = await poll
    assert told(found) == [("card_withdrawn", me + 1, None)]
    assert told(await changes(api, me, cursor, wait=0)) == told(found)
    assert told(await changes(api, me, str(found["next"]), wait=0)) == []
    assert await redis.zrange(keys.shown(me), 0, -1) == [b"%d" % (me + 2)]


async def test_what_was_swiped_is_no_card_and_expired_decks_are_none(
    api: SignedClient, redis: Redis, me: int, clock: Clock
) -> None:
    await add_people(redis, me + 1, me + 2)
    await hold(redis, me, me + 1, me + 2)
    cursor = await begin(api, me)
    await redis.zadd(keys.seen(me), {str(me + 1): NOW_MS / 1000})
    await banned(redis, me, me + 1)
    assert told(await changes(api, me, cursor, wait=0)) == []
    clock.now += timedelta(minutes=16)
    await banned(redis, me, me + 2)
    assert told(await changes(api, me, cursor, wait=0)) == []


async def test_who_is_erased_is_not_named(api: SignedClient, redis: Redis, me: int) -> None:
    await add_people(redis, me + 1)
    await hold(redis, me, me + 1)
    cursor = await begin(api, me)
    await run(redis.sadd(keys.ERASED, str(me + 1)))
    found = await changes(api, me, cursor, wait=0)
    assert (found["changes"], found["reset"]) == ([], True)
    assert (await changes(api, me, str(found["next"]), wait=0))["reset"] is False


async def test_who_was_away_too_long_fetches_everything_again(
    api: SignedClient, redis: Redis, me: int
) -> None:
    cursor = await begin(api, me)
    for episode in range(1, 700):
        await match(redis, me, me + 1, episode)
    assert (await changes(api, me, cursor, wait=0))["reset"] is True
    late = str((await changes(api, me, cursor, wait=0))["next"])
    await match(redis, me, me + 1, 700)
    found = await changes(api, me, late, wait=0)
    assert (len(told(found)), found["reset"]) == (1, False)
    # Redis lost all of it, or it expired.
    await redis.delete(keys.changes(me))
    assert (await changes(api, me, late, wait=0))["reset"] is True
    await match(redis, me, me + 2, 1)
    assert (await changes(api, me, late, wait=0))["reset"] is True


async def test_many_changes_come_in_parts(api: SignedClient, redis: Redis, me: int) -> None:
    cursor = await begin(api, me)
    for n in range(1, 131):
        await match(redis, me, me + n)
    found = await changes(api, me, cursor)
    more = await changes(api, me, str(found["next"]))
    people = [person for _, person, _ in told(found) + told(more)]
    assert people == [me + n for n in range(1, 131)]


async def test_a_thousand_polls_wait_on_one_connection(
    api: SignedClient, redis: Redis, me: int
) -> None:
    viewers = list(range(me, me + 1000))
    cursors = [await begin(api, viewer) for viewer in viewers]
    polls = [
        asyncio.create_task(changes(api, v, c, wait=30))
        for v, c in zip(viewers, cursors, strict=True)
    ]
    await waiting(redis, *viewers)
    listening = [c for c in await redis.client_list() if int(c["sub"]) > 0]
    assert len(listening) == 1
    # Those that looked, at most so many at once, beside the subscription.
    assert len(await redis.client_list()) < 30
    await match(redis, me, me + 999)
    first, last = await asyncio.gather(polls[0], polls[999])
    assert told(first) == [("match_created", me + 999, None)]
    assert told(last) == [("match_created", me, None)]
    assert not any(poll.done() for poll in polls[1:999])
    for poll in polls:
        poll.cancel()
    await asyncio.gather(*polls, return_exceptions=True)


async def test_a_lost_connection_is_made_again_and_nothing_is_missed(
    api: SignedClient, redis: Redis, me: int
) -> None:
    cursor = await begin(api, me)
    poll = asyncio.create_task(changes(api, me, cursor, wait=30))
    await waiting(redis, me)
    await redis.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")  # type: ignore[no-untyped-call]
    await match(redis, me, me + 1)
    assert told(await poll) == [("match_created", me + 1, None)]
    cursor = str((await changes(api, me, cursor))["next"])
    poll = asyncio.create_task(changes(api, me, cursor, wait=30))
    await waiting(redis, me)
    await match(redis, me, me + 2)
    assert told(await poll) == [("match_created", me + 2, None)]


async def test_a_server_told_to_stop_waits_for_no_poll(
    kernel: Kernel, redis: Redis, clock: Clock, keys: issuer.KeyPair, me: int
) -> None:
    config = uvicorn.Config(create_app(kernel), "127.0.0.1", 0, log_config=None)
    server = Server(config, kernel.stopping)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        client = SignedClient(http, keys.private, clock)
        cursor = await begin(client, me)
        poll = asyncio.create_task(changes(client, me, cursor, wait=30))
        await waiting(redis, me)
        server.should_exit = True
        found = await poll
        assert (found["changes"], found["reset"]) == ([], False)
    # Otherwise it would have ended with the poll's thirty seconds.
    async with asyncio.timeout(20):
        await serving


async def test_foreign_cursors_and_waits_are_problems(api: SignedClient, me: int) -> None:
    cursor = await begin(api, me)
    for viewer, after in ((me + 1, cursor), (me, "x"), (me, "AAAA"), (me, cursor[:-2])):
        response = await api.get(viewer, "/v1/changes", after=after)
        assert (response.status_code, response.json()["code"]) == (422, "cursor_invalid")
    for wait in ("-1", "31", "nan", "x"):
        assert (await api.get(me, "/v1/changes", wait=wait)).status_code == 422
