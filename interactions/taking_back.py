"""Taking swipes back: begun in Redis, said in the log, ended in Redis.

What is begun is an entry among the reservations; whoever comes upon it goes on from there (a
retry, another swipe on the candidate, the sweep), so that a crash at any line leaves nothing
half done. The log hears of it before Redis forgets the swipe: the command rules out every copy of
the swipe, also one that is appended later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, Self, cast

import asyncpg
from redis.asyncio import Redis

from contracts import events_pb2 as events
from contracts.topics import USER_SWIPES, pair_key
from features.wire import packed
from gravity.bus import Message, Producer
from gravity.card_tokens import TTL_MS
from interactions import keys
from interactions.domain import LIKES, id_from
from interactions.read_updates import FORGET, LIKE, erased_among, forgotten_by, like_keys
from interactions.scripts import Script, run_all

REPLACE: Final = Script("replace.lua")
END: Final = Script("end_taking_back.lua")
IDS_KEPT: Final = timedelta(days=3)
"""How long a client's id is known; later, whoever was swiped is known by the seen set."""

_LIKED_BY: Final = f"""
select swiper, swiped_at from swipes
where swiper = any($2::bigint[]) and swiped = $1 and action in {LIKES}
"""  # noqa: S608


class Mark(Enum):
    """Where a swipe stands that is not simply acknowledged."""

    OPEN = "o"
    # On its way back: never acknowledged; or rewound by who made it.
    GIVEN_BACK = "g"
    REWOUND = "r"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of `keys.open_swipes`. `day`: the own day that was charged; `first_ms`: when it was
    reserved; `at_ms`: the last attempt, or when it began to be taken back; `owner`: client id."""

    mark: Mark
    day: int
    action: int
    first_ms: int
    at_ms: int
    owner: str

    @classmethod
    def parse(cls, text: bytes) -> Self:
        mark, day, action, first, at, owner = text.decode().split(":", 5)
        return cls(Mark(mark), int(day), int(action), int(first), int(at), owner)

    def __str__(self) -> str:
        parts = (self.mark.value, self.day, self.action, self.first_ms, self.at_ms, self.owner)
        return ":".join(map(str, parts))


def listed(person: int, now_ms: int) -> bytes:
    """The command that puts a person on the sweep's list. It is on another slot and comes first:
    an entry that no sweep can find would stay for ever."""
    return packed(b"ZADD", keys.reserving(person).encode(), b"GT", b"%d" % now_ms, b"%d" % person)


async def give_back(
    redis: Redis,
    pool: asyncpg.Pool,
    producer: Producer,
    person: int,
    entries: Mapping[int, Entry],
    now: datetime,
) -> int:
    """Take back swipes that were never acknowledged, unless somebody tried again meanwhile.

    `entries`: candidate -> entry as it was read. Returns how many ended here. Raises AppendFailed,
    RedisError: then it is begun, and to be repeated.
    """
    now_ms = int(now.timestamp() * 1000)
    begun = {
        candidate: replace(entry, mark=Mark.GIVEN_BACK, at_ms=now_ms)
        for candidate, entry in entries.items()
        if entry.mark is Mark.OPEN
    }
    own = [keys.open_swipes(person)]
    commands = [
        # Begun now, it is not the sweep's for a while: the list must know until when.
        listed(person, now_ms),
        *(
            REPLACE.call(own, [candidate, str(entries[candidate]), str(entry)])
            for candidate, entry in begun.items()
        ),
    ]
    _, *replaced = await run_all(redis, [REPLACE], commands)
    going = {c: e for c, e in entries.items() if e.mark is not Mark.OPEN}
    going |= {c: begun[c] for c, done in zip(begun, replaced, strict=True) if done}
    return await take_back(redis, pool, producer, person, going, now)


async def _liked_by(pool: asyncpg.Pool, person: int, candidates: Sequence[int]) -> dict[int, int]:
    """Candidate -> ms of the candidate's like."""
    rows = await pool.fetch(_LIKED_BY, person, candidates) if candidates else []
    return {row["swiper"]: int(row["swiped_at"].timestamp() * 1000) for row in rows}


def _likes(person: int, likes: Mapping[int, int]) -> list[bytes]:
    return [LIKE.call(like_keys(person), [c, keys.score(ms)]) for c, ms in likes.items()]


async def take_back(
    redis: Redis,
    pool: asyncpg.Pool,
    producer: Producer,
    person: int,
    entries: Mapping[int, Entry],
    now: datetime,
) -> int:
    """Go on with what has begun; how many ended here. Raises AppendFailed, RedisError."""
    if not entries:
        return 0
    # A like that came while its answer stood or was reserved went into no list: what is known of
    # now goes there as the answer goes, and what came until then is asked for after it.
    likes = await _liked_by(pool, person, list(entries))
    await producer.append_many([_message(person, c, entry) for c, entry in entries.items()])
    names = [*keys.client_ids(person, now), keys.open_swipes(person), keys.last(person)]
    names += [keys.seen(person), keys.rewound(person), keys.quota(person), keys.used(person)]
    kept = (int(IDS_KEPT.total_seconds()), TTL_MS // 1000)
    commands = [END.call(names, [c, str(entry), *kept]) for c, entry in entries.items()]
    commands += _likes(person, likes)
    replies = await run_all(redis, [END, LIKE], [*commands, erased_among(list(entries))])
    later = await _liked_by(pool, person, [c for c in entries if c not in likes])
    await run_all(redis, [LIKE], _likes(person, later))
    # The marks of somebody erased name them, and whoever forgets them may have been here before.
    gone = [c for c, flag in zip(entries, cast("list[int]", replies[-1]), strict=True) if flag]
    await run_all(redis, [FORGET], [forgotten_by(person, candidate) for candidate in gone])
    return sum(reply == 1 for reply in replies[: len(entries)])


async def read_entries(redis: Redis, person: int, candidates: Sequence[int]) -> dict[int, Entry]:
    """The entries of candidates, where there are any."""
    fields = [b"%d" % candidate for candidate in candidates]
    command = packed(b"HMGET", keys.open_swipes(person).encode(), *fields)
    (found,) = await run_all(redis, [], [command])
    assert isinstance(found, list)
    return {
        candidate: Entry.parse(text)
        for candidate, text in zip(candidates, found, strict=True)
        if isinstance(text, bytes)
    }


def _message(person: int, candidate: int, entry: Entry) -> Message:
    """The command for the log; repeated it is the same event."""
    command = events.PairCommand(
        event_id=id_from(entry.at_ms, f"rewind:{person}:{candidate}:{entry.first_ms}".encode()),
        occurred_at_ms=entry.at_ms,
        actor=person,
        target=candidate,
        rewind=events.Rewind(client_swipe_id=entry.owner, swiped_ms=entry.first_ms),
    )
    key = pair_key(person, candidate)
    return Message(USER_SWIPES.name, key, command.SerializeToString())
