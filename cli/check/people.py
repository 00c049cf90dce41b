"""Small questions about single people, asked of Redis as the demo goes."""

from collections.abc import Awaitable, Callable

from redis.asyncio import Redis

from cli.wait import until
from features.keyed import Store
from features.reader import read
from features.views import BEHAVIOUR
from features.wire import run


def learned_by(redis: Redis, store: Store) -> Callable[[int], Awaitable[None]]:
    """Wait until every swipe that was acknowledged to a viewer counts in the viewer's features."""

    async def wait(viewer: int) -> None:
        async def caught_up() -> bool:
            rows = (await read(store, [BEHAVIOUR], [viewer]))[BEHAVIOUR.name]
            acknowledged = await run(redis.zcard(f"seen:{{{viewer}}}"))
            return bool(rows.numbers("swipes_given")[0] >= acknowledged)

        await until(caught_up, f"the features of viewer {viewer}", every_s=0.005)

    return wait


def has_swiped_by(redis: Redis) -> Callable[[int, int], Awaitable[bool]]:
    """Ask whether a person has swiped another."""

    async def ask(person: int, other: int) -> bool:
        return await run(redis.zscore(f"seen:{{{person}}}", str(other))) is not None

    return ask
