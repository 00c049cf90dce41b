"""Removing what only Redis knows: entries that two comparisons found, and nobody wrote since."""

from dataclasses import dataclass
from typing import Final

from redis.asyncio import Redis

from interactions.read_side_check import Compared
from interactions.scripts import Script, run_all

REMOVE: Final = Script("remove.lua")
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Removed:
    """`kept`: blocks that only Redis knows. Somebody asked for them and was told to ask again; to
    show two people to each other is the greater harm."""

    entries: int
    kept: int


async def remove_extras(redis: Redis, compared: Compared) -> Removed:
    """Remove the entries that are only in Redis, but no block. While people swipe, `compared` must
    come from two comparisons with all that was under way arrived in between."""
    extra = [(d, score) for d, score in compared.scores.items() if d.only_in == "redis"]
    scored = [(d, score) for d, score in extra if d.kind != "blocked"]
    commands = [
        REMOVE.call([f"{d.kind}:{{{d.person}}}"], [d.other, repr(score)]) for d, score in scored
    ]
    removed = 0
    for start in range(0, len(commands), _AT_ONCE):
        replies = await run_all(redis, [REMOVE], commands[start : start + _AT_ONCE])
        removed += sum(reply for reply in replies if isinstance(reply, int))
    return Removed(removed, len(extra) - len(scored))
