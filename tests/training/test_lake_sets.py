"""Arrow tables from the lake alone: what stands, what was seen, and what was known at the time."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.lake import append_rows, part_of_import
from features.lake_tables import DECKS, IMPRESSIONS, SWIPES
from features.manifest import TrainingWindow
from features.ranker import CORE_NAMES
from training.lake_sets import impressions, swipes, training_set

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
LIKE, PASS, SUPERLIKE = 1, 2, 3


def at(day: int, hour: int = 12) -> datetime:
    return MIDNIGHT + timedelta(days=day, hours=hour)


def swipe(
    swiper: int,
    swiped: int,
    action: int,
    when: datetime,
    deck: str | None = None,
    taken_back: bool = False,
) -> dict[str, object]:
    return {
        "event_id": f"{swiper}-{swiped}-{when}-{taken_back}",
        "swiper": swiper,
        "swiped": swiped,
        "action": action,
        "swiped_at": when,
        "deck_id": deck,
        "simulated": True,
        "taken_back": taken_back,
    }


def window(start: datetime, end: datetime) -> TrainingWindow:
    return TrainingWindow(start=start, end=end)


def card(deck: str, viewer: int, candidate: int, position: int) -> dict[str, object]:
    return {
        "deck_id": deck,
        "viewer": viewer,
        "candidate": candidate,
        "position": position,
        "propensity": 0.5,
        "policy": "ranker",
        "served_at": at(1, 9),
    }


@pytest.fixture()
def lake(tmp_path: Path) -> Path:
    rows = [
        swipe(1, 2, LIKE, at(0)),
        swipe(3, 2, PASS, at(0, 13)),
        swipe(1, 3, SUPERLIKE, at(1), "d"),
        swipe(2, 1, PASS, at(1, 13)),
        swipe(2, 1, LIKE, at(2)),
        swipe(3, 1, LIKE, at(1, 14)),
        swipe(3, 1, LIKE, at(1, 14), taken_back=True),
    ]
    append_rows(tmp_path, "swipes", pa.Table.from_pylist(rows, SWIPES), part_of_import("a", 0))
    cards = [card("d", 1, 4, 0), card("d", 1, 3, 1), card("d", 1, 5, 2), card("d", 6, 3, 0)]
    table = pa.Table.from_pylist(cards, IMPRESSIONS)
    append_rows(tmp_path, "impressions", table, part_of_import("a", 0))
    logged = np.arange(18, dtype="<f4")
    deck = {
        "deck_id": "d",
        "viewer": 1,
        "served_at": at(1, 9),
        "policy": "ranker",
        "retrieved": [4, 3, 5],
        "scores": b"",
        "feature_names": list(CORE_NAMES),
        "features": logged.tobytes(),
        "cards": [4, 3, 5],
    }
    append_rows(tmp_path, "decks", pa.Table.from_pylist([deck], DECKS), part_of_import("a", 0))
    return tmp_path


def pairs(table: pa.Table, *names: str) -> list[tuple[object, ...]]:
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def test_swipes_are_those_that_stood_in_order_of_time(lake: Path) -> None:
    found = swipes(lake, at(1, 23))
    assert pairs(found, "swiper", "swiped") == [(1, 2), (3, 2), (1, 3), (2, 1)]
    assert found.schema == SWIPES


def test_a_card_is_seen_if_it_was_swiped_or_stands_above_one_that_was(lake: Path) -> None:
    found = impressions(lake)
    assert pairs(found, "viewer", "candidate", "action", "seen") == [
        (1, 4, None, True),
        (1, 3, SUPERLIKE, True),
        (1, 5, None, False),
        (6, 3, None, False),
    ]


def test_the_training_set_has_the_window_s_last_swipe_of_each_pair(lake: Path) -> None:
    found = training_set(lake, window(at(0) + timedelta(minutes=30), at(3)))
    assert pairs(found, "viewer", "candidate", "liked") == [
        (3, 2, False),
        (1, 3, True),
        (2, 1, True),
    ]


def test_counts_are_of_the_days_before(lake: Path) -> None:
    found = training_set(lake, window(at(0, 0), at(3)))
    names = ("viewer_likes_given", "viewer_swipes_given", "candidate_likes_received")
    assert pairs(found, "viewer", "candidate", *names, "candidate_swipes_received") == [
        (1, 2, 0, 0, 0, 0),
        (3, 2, 0, 0, 0, 0),
        (1, 3, 1, 1, 0, 0),
        # A pass the day before, which the like took the place of.
        (2, 1, 0, 1, 0, 1),
    ]


def test_what_the_ranker_saw_is_there_where_a_ranker_served(lake: Path) -> None:
    found = training_set(lake, window(at(0, 0), at(3)))
    logged = pairs(found.select(list(CORE_NAMES)), *CORE_NAMES)
    assert logged[2] == tuple(float(i) for i in range(6, 12))
    assert logged[0] == (None,) * 6


def test_an_absent_lake_gives_empty_tables(tmp_path: Path) -> None:
    assert swipes(tmp_path, MIDNIGHT).num_rows == 0
    assert impressions(tmp_path).num_rows == 0
    found = training_set(tmp_path, window(at(0), at(1)))
    assert found.num_rows == 0
    assert found.schema.names[-6:] == list(CORE_NAMES)
