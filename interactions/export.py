"""All of one person's interactions as one JSON document, piece by piece.

Nobody else's data is in it but the ids of those on whom the person acted or with whom they matched:
likes received come as times to the hour, and a match that a block ended says "unmatch", unless the
block was the person's own.
"""

import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import asyncpg

from contracts import events_pb2 as events
from interactions.domain import LIKES

_PAGE: Final = 5000
_ACTIONS: Final = {
    events.ACTION_LIKE: "like",
    events.ACTION_PASS: "pass",
    events.ACTION_SUPERLIKE: "superlike",
}
_ENDS: Final = {
    events.MATCH_END_REWIND: "rewind",
    events.MATCH_END_UNMATCH: "unmatch",
    events.MATCH_END_BLOCK: "unmatch",
}
# Each by the other's id, from one on: no page holds a connection while a slow client reads.
_SWIPES: Final = """
select swiped as other, action, swiped_at from swipes
where swiper = $1 and action <> 0 and swiped > $2 order by swiped limit $3
"""
_REWOUND: Final = """
select swiped as other, swiped_at from swipes
where swiper = $1 and action = 0 and swiped > $2 order by swiped limit $3
"""
_MATCHES: Final = """
select mm.other, mm.match_id, mm.episode, mm.matched_at, mm.ended_at, m.end_reason,
    exists (select from blocks where blocker = $1 and blocked = mm.other) as own_block
from match_members mm
join matches m on m.low = least(mm.person, mm.other) and m.high = greatest(mm.person, mm.other)
where mm.person = $1 and mm.other > $2 order by mm.other limit $3
"""
_BLOCKS: Final = """
select blocked as other, blocked_at from blocks
where blocker = $1 and blocked > $2 order by blocked limit $3
"""
_LIKES_RECEIVED: Final = f"""
select swiper as other, date_trunc('hour', swiped_at, 'UTC') as at from swipes
where swiped = $1 and action in {LIKES} and swiper > $2 order by swiper limit $3
"""  # noqa: S608


def _swipe(row: asyncpg.Record) -> object:
    action = _ACTIONS[row["action"]]
    return {"candidate": row["other"], "action": action, "at": _text(row["swiped_at"])}


def _rewound(row: asyncpg.Record) -> object:
    return {"candidate": row["other"], "swiped_at": _text(row["swiped_at"])}


def _match(row: asyncpg.Record) -> object:
    reason = "block" if row["own_block"] else _ENDS.get(row["end_reason"])
    return {
        "person": row["other"],
        "match_id": str(row["match_id"]),
        "episode": row["episode"],
        "matched_at": _text(row["matched_at"]),
        "ended_at": _text(row["ended_at"]),
        "end_reason": reason if row["ended_at"] else None,
    }


def _block(row: asyncpg.Record) -> object:
    return {"person": row["other"], "at": _text(row["blocked_at"])}


def _like_received(row: asyncpg.Record) -> object:
    return _text(row["at"])


_PARTS: Final[tuple[tuple[str, str, Callable[[asyncpg.Record], object]], ...]] = (
    ("swipes", _SWIPES, _swipe),
    ("rewound", _REWOUND, _rewound),
    ("matches", _MATCHES, _match),
    ("blocks", _BLOCKS, _block),
    ("likes_received", _LIKES_RECEIVED, _like_received),
)


async def export(pool: asyncpg.Pool, person: int, now: datetime) -> AsyncIterator[str]:
    """The document in pieces, which together are one JSON object. Each part is as of when it was
    read."""
    yield json.dumps({"person": person, "exported_at": _text(now)})[:-1]
    for name, query, out in _PARTS:
        count = 0
        yield f',"{name}":['
        async for rows in _pages(pool, query, person):
            text = ",".join(json.dumps(out(row), separators=(",", ":")) for row in rows)
            yield f",{text}" if count else text
            count += len(rows)
        yield f'],"{name}_count":{count}'
    yield "}\n"


async def _pages(
    pool: asyncpg.Pool, query: str, person: int
) -> AsyncIterator[list[asyncpg.Record]]:
    last = 0
    while rows := await pool.fetch(query, person, last, _PAGE):
        yield rows
        last = rows[-1]["other"]


def _text(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat(timespec="milliseconds")
