"""The Redis keys of interactions. The hash tag keeps a person's keys on one Cluster slot."""

from datetime import UTC, datetime, timedelta
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


ERASED: Final = "{withdrawn}:erased"
"""Set of people who were erased; written by identity with the withdrawn set."""


def rewound(person: int) -> str:
    """Hash: candidate -> ms of the newest swipe that the person took back."""
    return f"rewound:{{{person}}}"


def unliked(person: int) -> str:
    """Hash: liker -> ms of the newest swipe on the person that its swiper took back."""
    return f"unliked:{{{person}}}"


def last(person: int) -> str:
    """Hash: the last swipe acknowledged; its field "candidate" names whom."""
    return f"last:{{{person}}}"


def tier(person: int) -> str:
    """String: the `Tier` that the person is entitled to; written by billing."""
    return f"tier:{{{person}}}"


def shown(person: int) -> str:
    """Sorted set: whose cards the person holds, by when they expire; written by discovery."""
    return f"shown:{{{person}}}"


def changes(person: int) -> str:
    """Stream of what GET /v1/changes tells the person, and the channel that wakes who waits."""
    return f"changes:{{{person}}}"


CHANGES_KEPT: Final = 500
CHANGES_TTL_S: Final = 8 * 24 * 3600


def of_person(person: int, now: datetime) -> list[str]:
    """Every key of one person: what an erasure deletes."""
    lists = (seen, blocked, likes, matches, episodes, open_swipes)
    marks = (rewound, unliked, last, shown, changes)
    days = [f"{now.astimezone(UTC) + timedelta(days=day):%Y%m%d}" for day in range(-4, 2)]
    dated = [f"{name}:{{{person}}}:{day}" for name in ("quota", "ids") for day in days]
    return [*(key(person) for key in (*lists, *marks)), f"quota:{{{person}}}", *dated]
