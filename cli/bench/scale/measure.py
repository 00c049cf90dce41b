"""The costs at one number of people, on a stack that is up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from cli.bench.deck.client import DeckClient
from cli.bench.deck.load import percentiles
from cli.bench.deck.memory import memory, rss_mb
from cli.bench.deck.population import Served, serve
from cli.bench.deck.stages import measure_stages
from cli.bench.deck.traces import Traces
from cli.bench.scale.report import SEARCH, Row
from cli.check.decks import wait_for_release
from cli.client import open_client
from cli.own_stack import OwnStack
from gravity.issuer import issue
from gravity.kernel import Kernel, open_kernel, utc_now
from gravity.stack.keys import jwt_private_file

DECK_SIZE: Final = 20
_SATURATING: Final = 16
_WARM_S: Final = 1.0
_TTL: Final = timedelta(hours=2)
_MB: Final = 1e6

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _Kept:
    """Bytes of what is stored, and how many swipes are in `seen` of them."""

    release: int
    redis: int
    seen: int
    swipes: int


async def measure(
    stack: OwnStack, traces: Traces, people: int, seconds: float, cache: Path, say: Say
) -> Row:
    """Fill a stack, which exports to `traces`, with people, and ask for decks.

    Raises GeneratorFailed, NotServing, Untraced, and what `serve` does.
    """
    async with open_kernel(stack.settings) as kernel:
        empty = await _used(kernel.redis)
        served = await serve(kernel, people, cache, say)
        kept = await _kept(kernel, served, empty)
    private_key = jwt_private_file(stack.home.keys).read_text(encoding="ascii")
    say("waiting for the first ranked deck")
    async with open_client(
        stack.settings.api_url, lambda viewer: issue(private_key, viewer, utc_now(), _TTL)
    ) as client:
        await wait_for_release(client, served.viewer_ids[0], served.patience_s)
    asking = DeckClient(
        port=stack.port("api"),
        viewers=served.viewer_ids,
        size=DECK_SIZE,
        jwt_private_key=private_key,
        pids=stack.pids(),
    )
    return await _row(stack, asking, traces, served, kept, seconds, say)


async def _row(
    stack: OwnStack,
    asking: DeckClient,
    traces: Traces,
    served: Served,
    kept: _Kept,
    seconds: float,
    say: Say,
) -> Row:
    people = len(served.population)
    await asking.closed(1, _WARM_S)
    say(f"{people:,} people: decks, one client")
    alone = await asking.closed(1, seconds)
    say(f"{people:,} people: decks, {_SATURATING} connections")
    full = await asking.closed(_SATURATING, seconds)
    stages = await measure_stages(asking, traces, seconds, say)
    p50, p95, p99 = percentiles(alone.took_ms)
    return Row(
        people=people,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        search_ms=round(sum(stages.stages_ms.get(name, 0.0) for name in SEARCH), 3),
        decks_per_s=round(full.ranked_per_s, 1),
        failed=alone.failed + full.failed,
        fallbacks=alone.sent.fallbacks + full.sent.fallbacks,
        ranker_rss_mb=rss_mb(memory(stack.pids()), "ranker"),
        release_mb=round(kept.release / _MB, 1),
        redis_mb=round(kept.redis / _MB, 1),
        fill_s=served.fill_s,
        promote_s=served.promote_s,
        redis_bytes_a_person=round((kept.redis - kept.seen) / people),
        redis_bytes_a_swipe=round(kept.seen / max(1, kept.swipes), 1),
        cpu_us={n: round(s * 1e6 / len(full.took_ms), 1) for n, s in full.cpu_s.items()},
        stages_ms=stages.stages_ms,
    )


async def _kept(kernel: Kernel, served: Served, empty: int) -> _Kept:
    """What a release and Redis hold, of which `empty` bytes were Redis's before."""
    folder = kernel.settings.home / "releases" / served.release
    return _Kept(
        release=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
        redis=await _used(kernel.redis) - empty,
        seen=await _weight(kernel.redis, [f"seen:{{{viewer}}}" for viewer in served.viewer_ids]),
        swipes=sum(len(served.seen.of(row)) for row in served.viewers.tolist()),
    )


async def _used(redis: Redis) -> int:
    found = await redis.info("memory")
    return int(found["used_memory"])


async def _weight(redis: Redis, keys: Sequence[str]) -> int:
    """Bytes of these keys together, each of their members counted."""
    async with redis.pipeline(transaction=False) as asked:
        for key in keys:
            asked.memory_usage(key, samples=0)
        return sum(weight or 0 for weight in await asked.execute())
