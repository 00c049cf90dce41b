"""Training rows know what was known at their time, and nothing later."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import SecretStr

from features import offline
from features.lake import append_rows
from features.lake_tables import SWIPES
from features.repo.store import feature_store, history_folder
from features.snapshots import write_snapshots
from gravity.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, PEOPLE, COUNT = 6, 12, 400
Ints = npt.NDArray[np.int64]


def test_counts_are_those_of_a_recount_before_each_time(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, postgres_url="", redis_url="redis://127.0.0.1:1", bus_url="",
        card_token_key=SecretStr("0" * 32), jwt_public_key="",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    swiper = rng.integers(1, PEOPLE + 1, COUNT)
    swiped = 1 + (swiper + rng.integers(0, PEOPLE - 1, COUNT)) % PEOPLE
    action = rng.integers(1, 4, COUNT)
    start_ms = int(START.timestamp() * 1000)
    at = start_ms + rng.integers(0, DAYS * 86_400_000, COUNT)
    append_rows(settings.lake, "swipes", _table(swiper, swiped, action, at), "import-x-1")
    store = feature_store(settings, [])
    until = START + timedelta(days=DAYS)
    assert write_snapshots(settings.lake, history_folder(settings) / "behaviour", until) > PEOPLE

    # Midnights, moments within a day, and a person of whom nothing is known.
    asked_at = start_ms + np.r_[np.arange(DAYS), np.arange(DAYS) + 0.4] * 86_400_000
    viewers = np.r_[rng.integers(1, PEOPLE + 1, 2 * DAYS - 1), 99]
    candidates = rng.integers(1, PEOPLE + 1, 2 * DAYS)
    pairs = pa.table(
        {
            "viewer": pa.array(viewers),
            "candidate": pa.array(candidates),
            "event_timestamp": pa.array(asked_at.astype(np.int64)).cast(pa.timestamp("ms", "UTC")),
        }
    )
    found = offline.pair_counts(store, pairs)
    midnight = asked_at // 86_400_000 * 86_400_000
    liked = action != 2

    def recount(side: npt.NDArray[np.int64], persons: npt.NDArray[np.int64]) -> list[int]:
        return [int(((side == p) & (at < t)).sum()) for p, t in zip(persons, midnight, strict=True)]

    # One who did not like is nobody's liker.
    liker, liked_one = np.where(liked, swiper, 0), np.where(liked, swiped, 0)
    expected = {
        "likes_given": recount(liker, viewers),
        "swipes_given": recount(swiper, viewers),
        "likes_received": recount(liked_one, candidates),
        "swipes_received": recount(swiped, candidates),
    }
    assert found.to_pydict() == expected


def _table(swiper: Ints, swiped: Ints, action: Ints, at: Ints) -> pa.Table:
    columns: dict[str, pa.Array[Any]] = {
        "event_id": pa.array([str(n) for n in range(len(swiper))]),
        "swiper": pa.array(swiper),
        "swiped": pa.array(swiped),
        "action": pa.array(action.astype(np.int8)),
        "swiped_at": pa.array(at).cast(pa.timestamp("ms", "UTC")),
        "simulated": pa.array(np.ones(len(swiper), bool)),
    }
    for field in SWIPES:
        columns.setdefault(field.name, pa.nulls(len(swiper), field.type))
    return pa.table(columns).select(SWIPES.names).cast(SWIPES)
