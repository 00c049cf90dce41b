"""A log is read once every partition has reached the end it had, and not before."""

from gravity.bus import Record
from serving.backlog import Backlog

A, B = ("topic", 0), ("topic", 1)
BEGAN_S = 1000.0


def record(place: tuple[str, int], second: float) -> Record:
    return Record(*place, 0, b"", b"", timestamp_ms=int(second * 1000))


def test_every_partition_has_to_reach_its_end() -> None:
    backlog = Backlog({A: 3, B: 5}, 0.0, BEGAN_S, now=0.0)
    # What comes is young, and of the one partition only.
    backlog.note([record(A, BEGAN_S + 1)], now=1.0)
    assert not backlog.is_read({A: 900, B: 4}, now=60.0)
    assert backlog.is_read({A: 900, B: 5}, now=60.0)


def test_an_empty_log_is_read() -> None:
    assert Backlog({A: 0, B: 0}, 0.0, BEGAN_S, now=0.0).is_read({A: 0, B: 0}, now=0.0)


def test_behind_an_end_told_early_nothing_from_before_may_come_any_more() -> None:
    backlog = Backlog({A: 3, B: 5}, 1.0, BEGAN_S, now=0.0)
    at = {A: 3, B: 5}
    assert not backlog.is_read(at, now=0.5)
    backlog.note([record(B, BEGAN_S - 1)], now=0.5)
    assert not backlog.is_read({**at, B: 6}, now=1.0)
    # What comes all the time keeps nobody waiting.
    backlog.note([record(B, BEGAN_S + 1)], now=1.0)
    assert backlog.is_read({**at, B: 7}, now=1.5)
