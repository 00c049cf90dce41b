"""Two endpoints that show how fast swipes could be at most: the same app, model and clients, but
one only appends what it parsed, and one only inserts it."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Body

from contracts.topics import USER_SWIPES, pair_key
from gravity.auth import Asking
from gravity.bus import Message
from gravity.kernel import Kernel
from gravity.plain_route import PlainRoute
from interactions.schemas import SwipeIn, SwipesBody

APPEND: Final = "/bench/append"
INSERT: Final = "/bench/insert"
TOPIC: Final = replace(USER_SWIPES, name="bench.swipes")
_ACTIONS: Final = {"like": 1, "pass": 2, "superlike": 3}
TABLE: Final = """
create table if not exists bench_swipes (like swipes including all) partition by hash (swiper);
do $$ begin
    for n in 0..7 loop
        execute format('create table if not exists bench_swipes_%1$s partition of bench_swipes
                        for values with (modulus 8, remainder %1$s)', n);
    end loop;
end $$;
"""
INSERT_ROWS: Final = """
insert into bench_swipes (swiper, swiped, action, swiped_at)
select * from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::timestamptz[])
on conflict do nothing
"""


def router(kernel: Kernel) -> APIRouter:
    """Both endpoints; the topic and the table must exist."""
    made = APIRouter(route_class=PlainRoute)

    @made.post(APPEND, status_code=204)
    async def append(who: Asking, body: Annotated[SwipesBody, Body()]) -> None:
        await kernel.producer.append_many(
            [
                Message(TOPIC.name, pair_key(who.person, s.candidate), s.model_dump_json().encode())
                for s in _batch(body)
            ]
        )

    @made.post(INSERT, status_code=204)
    async def insert(who: Asking, body: Annotated[SwipesBody, Body()]) -> None:
        batch, now = _batch(body), kernel.clock()
        await kernel.pool.execute(
            INSERT_ROWS,
            [who.person] * len(batch),
            [swipe.candidate for swipe in batch],
            [_ACTIONS[swipe.action] for swipe in batch],
            [now] * len(batch),
        )

    return made


def _batch(body: SwipesBody) -> list[SwipeIn]:
    return [body] if isinstance(body, SwipeIn) else body.swipes
