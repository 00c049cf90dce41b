"""GET /v1/deck over real stores: what a client gets, and what must never be in it."""

import asyncio
from uuid import UUID, uuid4

import numpy as np
import pytest

from contracts import events_pb2 as events
from contracts.topics import IMPRESSIONS
from features.disk_cells import cells_of
from features.eligibility import Candidates, eligible, viewer_of
from features.person_row import cell_key
from features.plackett_luce import log_propensities
from features.wire import run
from gravity.bus import Consumer
from gravity.bus_engines import engine_of
from gravity.card_tokens import CardTokens
from tests.discovery_api.conftest import Discovery
from tests.discovery_api.people import CELL_RESOLUTION, HIDDEN, write_person
from tests.serving.worlds import NOW, TODAY, World

NOW_S = int(NOW.timestamp())


def viewer_id(people: World, row: int = 3) -> int:
    return int(people.table["person_id"][row])


def row_of(people: World, person: int) -> int:
    return int(np.flatnonzero(people.table["person_id"] == person)[0])


def eligible_ids(people: World, row: int) -> set[int]:
    mask = eligible(viewer_of(people.table, row), Candidates.of(people.table), TODAY)
    return set(people.table["person_id"][mask].tolist())


def ids_of(deck: dict[str, list[dict[str, int]]]) -> list[int]:
    return [card["id"] for card in deck["cards"]]


async def test_a_deck_is_what_a_client_needs(discovery: Discovery) -> None:
    viewer = viewer_id(discovery.people)
    response = await discovery.get(viewer)
    deck = response.json()
    assert response.status_code == 200
    assert (deck["release"], deck["policy"], deck["exhausted"]) == ("7", "ranker", False)
    assert deck["expires_at"] == "2026-03-01T12:15:00Z"
    assert len(set(ids_of(deck))) == 20
    assert set(ids_of(deck)) <= eligible_ids(discovery.people, 3)
    card = deck["cards"][0]
    assert card["name"] == f"Person {card['id']}"
    assert card["photos"][0]["width"] == 600
    assert card["distance_km"] in (2, 5, 10, 25, 50)
    assert 18 <= card["age"] <= 60
    assert card["simulated"] is True


async def test_whose_cards_a_viewer_holds_is_noted_until_they_expire(discovery: Discovery) -> None:
    viewer = viewer_id(discovery.people)
    redis = discovery.kernel.redis
    expired = {"900001": (NOW_S - 1) * 1000}
    await redis.zadd(f"shown:{{{viewer}}}", expired)
    async with redis.pubsub() as listening:
        await listening.subscribe(f"changes:{{{viewer}}}")
        assert await listening.get_message(timeout=5) is not None
        deck = (await discovery.get(viewer)).json()
        # Whoever waits for news has to know of the cards.
        assert await listening.get_message(ignore_subscribe_messages=True, timeout=5) is not None
    held = await redis.zrange(f"shown:{{{viewer}}}", 0, -1, withscores=True)
    assert {int(card) for card, _ in held} == set(ids_of(deck))
    assert {until for _, until in held} == {(NOW_S + 15 * 60) * 1000}
    assert 0 < await redis.ttl(f"shown:{{{viewer}}}") <= 15 * 60


async def test_the_trace_of_a_request_goes_on_in_the_ranker(discovery: Discovery) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = discovery.headers(viewer_id(discovery.people))
    headers["traceparent"] = f"00-{trace}-b7ad6b7169203331-01"
    await discovery.http.get("/v1/deck", headers=headers)
    assert discovery.ranker.traceparent is not None
    assert discovery.ranker.traceparent.split("-")[1] == trace


async def test_tokens_tie_each_card_to_its_deck_place_and_propensity(discovery: Discovery) -> None:
    viewer = viewer_id(discovery.people)
    deck = (await discovery.get(viewer)).json()
    key = discovery.kernel.settings.card_token_key.get_secret_value().encode()
    for position, card in enumerate(deck["cards"]):
        claims = CardTokens(key).open(card["token"], viewer, card["id"], NOW_S * 1000)
        assert (claims.deck_id, claims.position) == (deck["deck_id"], position)
        assert (claims.release, claims.policy) == ("7", "ranker")
        assert claims.propensity is not None
        assert 0 < claims.propensity <= 1


async def test_a_deck_id_gives_the_same_deck_and_logs_it_once(discovery: Discovery) -> None:
    viewer, deck_id = viewer_id(discovery.people), str(uuid4())
    decks = await asyncio.gather(*(discovery.get(viewer, deck_id=deck_id) for _ in range(5)))
    later = await discovery.get(viewer, deck_id=deck_id, size=5)
    assert len({response.text for response in [*decks, later]}) == 1
    other = await discovery.get(viewer, deck_id=str(uuid4()))
    assert ids_of(other.json()) != ids_of(later.json())
    logged = await impressions(discovery, 2)
    assert sorted(event.deck_id for event in logged) == sorted([deck_id, other.json()["deck_id"]])


async def test_a_deck_id_of_somebody_else_is_just_another_deck(discovery: Discovery) -> None:
    deck_id = str(uuid4())
    one = (await discovery.get(viewer_id(discovery.people, 3), deck_id=deck_id)).json()
    two = (await discovery.get(viewer_id(discovery.people, 4), deck_id=deck_id)).json()
    assert one["deck_id"] == two["deck_id"] == deck_id
    assert ids_of(one) != ids_of(two)


@pytest.mark.parametrize("waiting", [0, 60])
async def test_the_impression_gives_every_propensity_exactly(
    discovery: Discovery, waiting: int
) -> None:
    viewer = viewer_id(discovery.people)
    likers = sorted(eligible_ids(discovery.people, 3))[:waiting]
    await like(discovery, viewer, likers)
    deck = (await discovery.get(viewer)).json()
    (event,) = await impressions(discovery, 1)
    assert [card.candidate for card in event.cards] == ids_of(deck)
    assert len(event.retrieved) == 200
    scores = dict(
        zip(event.retrieved, np.frombuffer(event.scores, "<f2").astype(float), strict=True)
    )
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    shown = [card.candidate for card in event.cards]
    order = shown + [person for person in event.retrieved if person not in set(shown)]
    expected = np.exp(log_propensities([scores[person] for person in order], event.tau))
    logged = [card.propensity for card in event.cards]
    np.testing.assert_allclose(logged, expected[:20], rtol=1e-5)
    features = np.frombuffer(event.features, "<f4").reshape(20, len(event.feature_names))
    there, back = -np.logaddexp(0, -features[:, :2].astype(float)).T
    release = discovery.ranker.loaded["7"].release
    prices = release.prices_of(release.rows_of(np.array(shown))).at(features[:, 1])
    certain = np.isin(shown, likers)
    assert certain.any() == (waiting > 0)
    assert not certain.all()
    by_logits = there + np.where(certain, 0, back - prices)
    # The logits as they were before the ranker corrected them, which it does a little.
    by_ranker = [scores[person] for person in shown]
    assert np.corrcoef(by_logits, by_ranker)[0, 1] > 0.99
    np.testing.assert_allclose(by_logits, by_ranker, rtol=0.2)
    UUID(event.event_id)


async def test_a_liker_who_is_blocked_or_gone_is_in_no_deck(discovery: Discovery) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    viewer = viewer_id(people)
    liked = (await discovery.get(viewer, size=100)).json()
    blocked, withdrawn, hidden, answered, *others = ids_of(liked)
    await like(discovery, viewer, [blocked, withdrawn, hidden, answered, *others[-5:]])
    await run(redis.sadd(f"blocked:{{{viewer}}}", str(blocked)))
    await run(redis.sadd("withdrawn", str(withdrawn)))
    await write_person(redis, people, row_of(people, hidden), visibility=HIDDEN)
    await redis.zadd(f"seen:{{{viewer}}}", {str(answered): NOW_S})
    for _ in range(5):
        deck = (await discovery.get(viewer, size=100)).json()
        assert not set(ids_of(deck)) & {blocked, withdrawn, hidden, answered}
        assert set(ids_of(deck)) & set(others[-5:])


async def test_a_card_does_not_tell_that_somebody_likes(discovery: Discovery) -> None:
    viewer = viewer_id(discovery.people)
    before = (await discovery.get(viewer, size=100)).json()["cards"]
    await like(discovery, viewer, [card["id"] for card in before])
    after = (await discovery.get(viewer, size=100)).json()["cards"]
    plain = [{card["id"]: {**card, "token": ""} for card in cards} for cards in (before, after)]
    both = plain[0].keys() & plain[1].keys()
    assert len(both) > 50
    assert [plain[0][person] for person in both] == [plain[1][person] for person in both]


@pytest.mark.parametrize("policy", ["ranker", "fallback"])
async def test_nothing_acknowledged_before_a_request_is_violated_by_its_answer(
    discovery: Discovery, policy: str
) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    if policy == "fallback":
        await redis.delete("release:serving")
    viewer, deck_id = viewer_id(people), str(uuid4())
    first = (await discovery.get(viewer, deck_id=deck_id, size=8)).json()
    assert first["policy"] == policy
    gone = ids_of(first)[:6]
    await redis.zadd(f"seen:{{{viewer}}}", {str(gone[0]): NOW_S})
    await run(redis.sadd(f"blocked:{{{viewer}}}", str(gone[1])))
    await run(redis.sadd("withdrawn", str(gone[2])))
    await write_person(redis, people, row_of(people, gone[3]), visibility=HIDDEN)
    await redis.delete(f"person:{{{gone[4]}}}")
    away = row_of(people, gone[5])
    people.table["x"][away], people.table["y"][away], people.table["z"][away] = 0.0, 0.0, 1.0
    await write_person(redis, people, away)
    again = (await discovery.get(viewer, deck_id=deck_id)).json()
    assert ids_of(again) == ids_of(first)[6:]
    assert again["cards"][0]["token"] == first["cards"][6]["token"]
    for _ in range(5):
        fresh = (await discovery.get(viewer, size=100)).json()
        assert not set(ids_of(fresh)) & set(gone)


async def test_candidates_constraints_hold_as_they_are_now(discovery: Discovery) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    viewer = viewer_id(people)
    picky = ids_of((await discovery.get(viewer)).json())
    for person in picky:
        row = row_of(people, person)
        people.table["age_min"][row] = people.table["age_max"][row] = 99
        await write_person(redis, people, row)
    assert not set(ids_of((await discovery.get(viewer, size=100)).json())) & set(picky)


async def test_filters_narrow_a_deck(discovery: Discovery) -> None:
    deck = (
        await discovery.get(viewer_id(discovery.people), age_min=30, age_max=40, max_distance_km=5)
    ).json()
    assert deck["cards"]
    assert all(30 <= card["age"] <= 40 for card in deck["cards"])
    assert all(card["distance_km"] <= 5 for card in deck["cards"])


async def test_a_small_world_is_exhausted(discovery: Discovery) -> None:
    deck = (await discovery.get(viewer_id(discovery.people), age_min=33, age_max=33)).json()
    assert deck["exhausted"]
    assert len(deck["cards"]) < 20


async def test_an_empty_region_gives_an_empty_exhausted_deck(discovery: Discovery) -> None:
    people = discovery.people
    people.latitude[3], people.longitude[3] = 90.0, 0.0
    people.table["x"][3], people.table["y"][3], people.table["z"][3] = 0.0, 0.0, 1.0
    await write_person(discovery.kernel.redis, people, 3)
    for release in ("7", None):
        if release is None:
            await discovery.kernel.redis.delete("release:serving")
        deck = (await discovery.get(viewer_id(people))).json()
        assert (deck["cards"], deck["exhausted"], deck["release"]) == ([], True, release)


async def test_without_preferences_a_viewer_still_gets_a_deck(discovery: Discovery) -> None:
    people = discovery.people
    people.table["seeks"][3], people.table["age_min"][3], people.table["age_max"][3] = 0, 18, 120
    await write_person(discovery.kernel.redis, people, 3)
    assert len((await discovery.get(viewer_id(people))).json()["cards"]) == 20


async def test_fetching_a_deck_marks_the_viewer_as_active(discovery: Discovery) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    viewer = viewer_id(people)
    key = cell_key(int(cells_of(people.latitude[3], people.longitude[3], CELL_RESOLUTION)[0]))
    await discovery.get(viewer)
    assert await redis.zscore(key, str(viewer)) == NOW_S
    await redis.zrem(key, str(viewer))
    await discovery.get(viewer)
    assert await redis.zscore(key, str(viewer)) is None


async def test_a_viewer_unknown_to_the_release_gets_a_ranked_deck(discovery: Discovery) -> None:
    people, redis = discovery.people, discovery.kernel.redis
    people.table["person_id"][3] = 987_654
    await write_person(redis, people, 3)
    deck = (await discovery.get(987_654)).json()
    assert (deck["policy"], len(deck["cards"])) == ("ranker", 20)


async def like(discovery: Discovery, viewer: int, likers: list[int]) -> None:
    """People like the viewer and wait for an answer."""
    if likers:
        at = {str(person): NOW_S for person in likers}
        await discovery.kernel.redis.zadd(f"likes:{{{viewer}}}", at)


async def impressions(discovery: Discovery, count: int) -> list[events.DeckServed]:
    """The first `count` impressions on the bus, and whatever else comes at once."""
    bus_url = discovery.kernel.settings.bus_url
    start = dict.fromkeys(engine_of(bus_url).places([IMPRESSIONS]), 0)
    consumer = Consumer.open(bus_url, start)
    found: list[events.DeckServed] = []
    try:
        async with asyncio.timeout(20):
            while len(found) < count:
                records = await consumer.poll(100, 1.0)
                found += [events.DeckServed.FromString(record.value) for record in records]
        found += [
            events.DeckServed.FromString(record.value) for record in await consumer.poll(100, 0.3)
        ]
    finally:
        await consumer.close()
    return found
