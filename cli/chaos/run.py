"""One seed of `gravity chaos swipes`: a stack, a fleet, a killer, and the verdict."""

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from typing import Final

from billing.entitlements import entitle
from cli.chaos.book import Book
from cli.chaos.fleet import TOKEN_TTL, Load, NobodyLeft, network, noon_zone, swipe_on
from cli.chaos.killer import SUPERVISOR, Killer, Stalled
from cli.chaos.observer import observing
from cli.chaos.outcome import Outcome
from cli.chaos.people import settle_people
from cli.chaos.phone import Unreachable
from cli.chaos.quotas import FREE, PLUS, SUPERLIKES, count_differences, over_limit
from cli.chaos.rest import read_stored, until_at_rest
from cli.chaos.verdict import Verdict, judge, lost
from cli.importing.effects import open_stores
from cli.own_stack import OwnStack, gravity_run, own_stack
from contracts import events_pb2 as events
from features.behaviour_check import differences as feature_differences
from gravity import issuer
from gravity.stack.keys import jwt_private_file
from interactions import charges
from interactions.read_side_check import differences as read_side_differences
from interactions.read_side_check import no_pause

PARTS: Final = ("matcher", "relay", "stream", "lake", "read-side", "rest")
_SAID: Final = 20
VICTIMS: Final = ("postgres", "redis", "s3", "broker", "api", *PARTS, "matcher-2", SUPERVISOR)


def run_seed(
    load: Load, kills: int, now: datetime, said: Callable[[str], None], book: Book
) -> Outcome:
    """Run one seed on a stack of its own, which is gone afterwards; `book` fills while it runs.

    Raises NobodyLeft, Stalled, Unreachable, NotAtRest and the errors of `gravity.stack`.
    """
    extra = {
        "GRAVITY_DAILY_SWIPES": f"{FREE},{PLUS},{PLUS}",
        "GRAVITY_DAILY_SUPERLIKES": str(SUPERLIKES),
    }
    said("starting a stack of its own, each part a process")
    services = {part: gravity_run("consumers", "--only", part) for part in PARTS}
    # Another one, to share the partitions and to take over.
    services["matcher-2"] = services["matcher"]
    with own_stack("gravity-chaos-", {"api": gravity_run("api"), **services}, extra) as stack:
        return asyncio.run(_run(stack, load, kills, now, said, book))


async def _run(
    stack: OwnStack,
    load: Load,
    kills: int,
    now: datetime,
    said: Callable[[str], None],
    book: Book,
) -> Outcome:
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with open_stores(stack.settings) as stores:
        said(f"{load.people:,} people move in")
        await settle_people(stores, load.people, load.seed)
        for person in range(1, load.paying + 1):
            await entitle(stores.pool, stores.redis, person, events.TIER_PLUS, now)
        async with observing(stores.pool, stack.settings.bus_url) as observer:
            killer = Killer(
                stack, VICTIMS, kills, load.swipes, random.Random(f"{load.seed}:killer")
            )
            await _play(stack, load, now, said, book, killer)
            said("everything comes to rest")
            await asyncio.to_thread(stack.running.wait)
            await until_at_rest(stores.pool, observer)
            stored = await read_stored(stores.pool)
            verdict = judge(book, stored, observer)
            for what in lost(book, stored, observer)[:_SAID]:
                said(what)
            read_side = await read_side_differences(stores.pool, stores.redis)
            charged = await charges.differences(stores.pool, stores.redis, no_pause, now)
            counts = await count_differences(stores.redis, book)
            features = await feature_differences(stores.pool, stores.features, stack.settings.lake)
    return _outcome(
        book,
        load.paying,
        killer,
        verdict,
        len(read_side) + len(charged) + len(counts),
        len(features),
        loop.time() - started,
    )


async def _play(
    stack: OwnStack,
    load: Load,
    now: datetime,
    said: Callable[[str], None],
    book: Book,
    killer: Killer,
) -> None:
    """Swipe and kill until both are done."""
    key = jwt_private_file(stack.home.keys).read_text(encoding="ascii")
    zone, stop = noon_zone(now), asyncio.Event()

    def bearer(person: int) -> str:
        return issuer.issue(key, person, now, TOKEN_TTL, zone=zone)

    async with network(stack.settings.api_url, book, stop) as net:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(swipe_on(net, load, bearer))
                group.create_task(killer.run(book, said))
        except* (NobodyLeft, Stalled, Unreachable) as errors:
            raise errors.exceptions[0] from None


def _outcome(
    book: Book,
    paying: int,
    killer: Killer,
    verdict: Verdict,
    read_side: int,
    features: int,
    seconds: float,
) -> Outcome:
    return Outcome(
        acknowledged=book.acknowledged,
        kills=killer.killed.total(),
        killed=dict(sorted(killer.killed.items())),
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        matches=verdict.matches,
        matches_missed=verdict.matches_missed,
        matches_doubled=verdict.matches_doubled,
        limit_exceeded=over_limit(book, paying),
        seen_again=len(book.seen_again),
        read_side_differences=read_side,
        feature_count_differences=features,
        redelivered=verdict.redelivered,
        rewinds=book.rewinds,
        parted=len(book.parted),
        unsure=len(book.unsure),
        requests=book.requests,
        failed_requests=book.failures,
        seconds=round(seconds, 1),
    )
