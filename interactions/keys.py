"""The Redis keys of interactions. The hash tag keeps a person's keys on one Cluster slot."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

WITHDRAWN: Final = "withdrawn"
"""Set of people who must not be shown; written by safety and identity."""


def seen(person: int) -> str:
    """Sorted set: whom the person swiped, by the time of the swipe's reservation in seconds."""
    return f"seen:{{{person}}}"


def blocked(person: int) -> str:
    """Set: whom the person never meets again: blocked or unmatched, by either of the two."""
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


def rewound(person: int) -> str:
    """Hash: candidate -> ms of the newest swipe taken back, rewound or given back: when it was
    reserved."""
    return f"rewound:{{{person}}}"


def used(person: int) -> str:
    """Hash: candidate -> ms of the newest swipe that the person rewound: tokens of the card that
    were made by then are used up."""
    return f"used:{{{person}}}"


def unliked(person: int) -> str:
    """Hash: liker -> ms of the newest like on the person that its liker took back."""
    return f"unliked:{{{person}}}"


def open_swipes(person: int) -> str:
    """Hash: candidate -> entry (taking_back.py) of swipes not known as appended, or on their way
    back."""
    return f"reserved:{{{person}}}"


def quota(person: int) -> str:
    """Hash: "d" the person's own day, "n" swipes and "s" superlikes charged on it; "b" tokens of
    the bucket that limits the pace, "t" ms of the last refill."""
    return f"quota:{{{person}}}"


def tier(person: int) -> str:
    """String: the person's `Tier`; written by billing, absent for free."""
    return f"tier:{{{person}}}"


def last(person: int) -> str:
    """Hash: the swipe acknowledged last: "id" of the client, "candidate", "a" action, "f" ms of its
    reservation, "d" own day charged, "t" ms of the acknowledgement."""
    return f"last:{{{person}}}"


def client_ids(person: int, now: datetime) -> list[str]:
    """Hashes of today, yesterday and the day before (UTC): client swipe id ->
    "candidate:action:first_ms", and ":r" after it once the swipe was rewound."""
    return [f"ids:{{{person}}}:{day}" for day in _last_days(now.astimezone(UTC).date())]


@lru_cache(maxsize=8)
def _last_days(today: date) -> tuple[str, ...]:
    return tuple(f"{today - timedelta(days=back):%Y%m%d}" for back in range(3))


def device(digest: str) -> str:
    """Hash: "b" and "t" of the bucket that limits a device."""
    return f"device:{digest}"


def reserving(person: int) -> str:
    """Sorted set of a shard of people: who may have entries in `open_swipes`, by last attempt."""
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


def shown(person: int) -> str:
    """Sorted set: whose cards the person holds, by when they expire; written by discovery."""
    return f"shown:{{{person}}}"


def changes(person: int) -> str:
    """Stream of what GET /v1/changes tells the person, and the channel that wakes who waits."""
    return f"changes:{{{person}}}"


CHANGES_KEPT: Final = 500
CHANGES_TTL_S: Final = 8 * 24 * 3600


def of_person(person: int, now: datetime) -> list[str]:
    """Every key of one person but the tier, which is billing's: what an erasure deletes."""
    lists = (seen, blocked, likes, matches, episodes, open_swipes)
    marks = (rewound, used, unliked, quota, last, shown, changes)
    # Those of the day before are kept for some hours yet.
    dated = dict.fromkeys(client_ids(person, now) + client_ids(person, now - timedelta(days=1)))
    return [*(key(person) for key in (*lists, *marks)), *dated]
