"""The Redis keys of interactions. The hash tag keeps a person's keys on one Cluster slot."""

from datetime import UTC, datetime
from typing import Final

WITHDRAWN: Final = "withdrawn"
"""Set of people who must not be shown; written by safety and identity."""


def seen(person: int) -> str:
    """Sorted set: whom the person swiped, by the server's time of the swipe in seconds."""
    return f"seen:{{{person}}}"


def blocked(person: int) -> str:
    """Set: whom the person blocked, and by whom they were."""
    return f"blocked:{{{person}}}"


def likes(person: int) -> str:
    """Sorted set: who likes the person and waits for an answer, by time in seconds."""
    return f"likes:{{{person}}}"


def matches(person: int) -> str:
    """Sorted set: whom the person is matched with, by time in seconds."""
    return f"matches:{{{person}}}"


def episodes(person: int) -> str:
    """Hash: other person -> 2 × episode + 1 if ended, of the newest event applied."""
    return f"episodes:{{{person}}}"


def open_swipes(person: int) -> str:
    """Hash: candidate -> "day:reserved_ms:tried_ms:client_swipe_id" of reservations not known as
    appended."""
    return f"reserved:{{{person}}}"


def quota(person: int, at: datetime) -> str:
    """Hash of a UTC day: "n" swipes charged, "s:<client swipe id>" -> "candidate:action"."""
    return f"quota:{{{person}}}:{at.astimezone(UTC):%Y%m%d}"


def reserving(person: int) -> str:
    """Sorted set of a shard of people: who has open reservations, perhaps, by last attempt."""
    return reserving_shard(person % RESERVING_SHARDS)


RESERVING_SHARDS: Final = 16


def reserving_shard(shard: int) -> str:
    """The key of one shard."""
    return f"reserving:{shard}"


def score(milliseconds: int) -> bytes:
    """The score of a time: seconds since 1970, to the millisecond."""
    return b"%d.%03d" % divmod(milliseconds, 1000)
