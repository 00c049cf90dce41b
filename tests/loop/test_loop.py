"""The loop as a whole, on the real stack: checked, broken and recovered."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import uuid4

import asyncpg
import httpx
import psutil
from redis.asyncio import Redis

from cli.check.matches import count_matches
from cli.check.people import has_swiped_by
from cli.client import Card, Client, Deck, swipe_of
from cli.wait import until
from gravity.settings import Settings
from tests.loop.conftest import GRAVITY, PEOPLE, Loop

WORKERS = 3
HEAVY = ("feast", "mlflow", "prefect", "pandas", "sklearn", "implicit")


def test_nobody_is_shown_against_a_constraint_and_nobody_is_missed(loop: Loop) -> None:
    report = loop.report
    assert report["people"] == PEOPLE
    assert report["decks_checked"] > PEOPLE / 2
    # A busy machine may be late with some; what is checked are decks of the release.
    assert report["fallbacks"] < report["decks_checked"] / 2
    assert (report["violations"], report["missed"], report["short_decks"]) == (0, 0, 0)
    assert report["deck_recall_at_20"] >= 0.99


def test_each_mutual_like_of_the_import_and_of_the_api_is_one_match(loop: Loop) -> None:
    report = loop.report
    assert report["matches"] > 0
    assert (report["duplicate_matches"], report["missing_matches"]) == (0, 0)


def test_the_report_has_what_is_promised(loop: Loop) -> None:
    assert set(loop.report) >= {
        *("first_deck_s", "fresh_s", "people", "swipes", "deck_size", "decks_checked"),
        *("violations", "missed", "deck_recall_at_20", "shift", "control_shift"),
        *("swipe_to_deck_s", "matches", "duplicate_matches"),
        *("recall_at_20", "ndcg_at_20", "matches_at_20"),
    }
    orders = {"learned", "popularity", "random"}
    assert set(loop.report["recall_at_20"]) == set(loop.report["ndcg_at_20"]) == orders
    assert set(loop.report["matches_at_20"]) == orders | {"less_prices", "ratio_low"}


async def test_a_second_demo_imports_and_learns_nothing_again(
    loop: Loop, settings: Settings
) -> None:
    first = await _counts(settings)
    again = json.loads(loop.gravity("demo", "--check", "--json"))
    assert (again["people"], again["release"]) == (PEOPLE, loop.report["release"])
    assert again["first_deck_s"] == loop.report["first_deck_s"]
    people, imported = await _counts(settings)
    assert (people, imported) == first


def test_a_demo_of_another_size_is_refused_and_leaves_the_stack_up(loop: Loop) -> None:
    before = {process.pid for process in loop.processes()}
    done = subprocess.run(
        [GRAVITY, "demo", "--people", str(PEOPLE + 1)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert f"holds a demo of {PEOPLE} people" in " ".join(done.stdout.split())
    assert {process.pid for process in loop.processes()} >= before


async def test_the_mutual_like_of_two_clients_is_a_match_for_both(
    loop: Loop, client: Client, settings: Settings
) -> None:
    deck = await _ranked(client, 1)
    async with Redis.from_url(settings.redis_url) as redis:
        has_swiped = has_swiped_by(redis)
        # Whoever decided on viewer 1 in the imported month has nothing to answer any more.
        card, *_ = [card for card in deck["cards"] if not await has_swiped(card["id"], 1)]
    other = card["id"]
    # From this tier on likes received say whose they are.
    loop.gravity("billing", "entitle", str(other), "--tier", "plus")
    await client.swipe(1, [swipe_of(card, "like")])
    like = await until(lambda: _like_of(client, other, 1), "the like")
    await client.swipe(other, [swipe_of(like, "like")])
    await until(lambda: _matched(client, 1, other), "the match")
    await until(lambda: _matched(client, other, 1), "the match")


async def test_no_request_fails_while_the_ranker_is_killed(loop: Loop, client: Client) -> None:
    policies: list[str] = []

    async def browse(viewer: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            policies.append((await client.deck(viewer, deck_id=uuid4()))["policy"])

    async def saw(policy: str) -> bool:
        return policy in policies

    async def back_to_the_release() -> bool:
        return bool(policies) and set(policies[-2 * WORKERS :]) == {"ranker"}

    ranker = loop.pid("ranker")
    async with _workers(browse):
        await until(lambda: saw("ranker"), "a ranked deck")
        _kill_family(ranker)
        await until(lambda: saw("fallback"), "a deck from the fallback")
        await until(back_to_the_release, "ranked decks again", deadline_s=90)


async def test_what_was_acknowledged_survives_kill_9_of_everything(
    loop: Loop, client: Client, settings: Settings
) -> None:
    acknowledged: set[tuple[int, int]] = set()

    async def swipe(viewer: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                cards = (await client.deck(viewer, size=5, deck_id=uuid4()))["cards"]
                if not cards:
                    return
                results = await client.swipe(viewer, [swipe_of(card, "like") for card in cards])
            except httpx.HTTPError:
                continue
            good = [r["status"] == "accepted" for r in results]
            acknowledged.update((viewer, c["id"]) for c, ok in zip(cards, good, strict=True) if ok)

    async with _workers(swipe):
        await until(_at_least(acknowledged, 40), "forty acknowledged swipes", deadline_s=60)
        # Again while there are any: the supervisor starts what dies before it does.
        while alive := loop.processes():
            for process in alive:
                _kill(process)
            psutil.wait_procs(alive, timeout=10)
    loop.gravity("up")

    pool = await asyncpg.create_pool(settings.postgres_url, min_size=1, max_size=2)
    try:
        await until(lambda: _all_recorded(pool, acknowledged), "every acknowledged swipe", 60)
        counts = await count_matches(pool)
        assert (counts.duplicates, counts.missing) == (0, 0)
    finally:
        await pool.close()
    assert (await _ranked(client, 1))["policy"] == "ranker"


def test_serving_processes_import_no_training_library() -> None:
    script = (
        "import sys, cli.run, discovery_api.app, interactions.app, profiles.app, safety.app, "
        "billing.app, identity.app, features.app, serving.service; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


class _workers:  # noqa: N801  (used like a function)
    """Run a client's loop for a few viewers beside the block; its errors are the block's."""

    def __init__(self, work: Callable[[int, asyncio.Event], Awaitable[None]]) -> None:
        self._work = work
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Future[None]] = []

    async def __aenter__(self) -> None:
        viewers = range(2, 2 + WORKERS)
        self._tasks = [asyncio.ensure_future(self._work(v, self._stop)) for v in viewers]

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)


async def _ranked(client: Client, viewer: int) -> Deck:
    async def ranked() -> Deck | None:
        try:
            deck = await client.deck(viewer, deck_id=uuid4())
        except httpx.HTTPError:
            return None
        return deck if deck["policy"] == "ranker" else None

    return await until(ranked, "a ranked deck", deadline_s=90)


async def _like_of(client: Client, person: int, liker: int) -> Card | None:
    return next((c for c in await client.likes(person) if c["id"] == liker), None)


async def _counts(settings: Settings) -> tuple[int, int]:
    """People, and swipes that were imported."""
    connection = await asyncpg.connect(settings.postgres_url)
    try:
        people: int = await connection.fetchval("select count(*) from persons")
        imported = "select count(*) from swipes where simulated"
        return people, await connection.fetchval(imported)
    finally:
        await connection.close()


async def _matched(client: Client, person: int, other: int) -> bool:
    return other in await client.matches(person)


def _at_least(found: set[tuple[int, int]], count: int) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return len(found) >= count

    return ask


async def _all_recorded(pool: asyncpg.Pool, pairs: set[tuple[int, int]]) -> bool:
    swipers, swiped = zip(*pairs, strict=True)
    query = """select count(*) from unnest($1::bigint[], $2::bigint[]) as a(swiper, swiped)
               join swipes using (swiper, swiped)"""
    return bool(await pool.fetchval(query, list(swipers), list(swiped)) == len(pairs))


def _kill_family(pid: int) -> None:
    parent = psutil.Process(pid)
    # The parent first: it would start its workers again.
    for process in [parent, *parent.children(recursive=True)]:
        _kill(process)


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.Error):
        process.kill()
