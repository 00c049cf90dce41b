"""Training rows know what was known at their time, and nothing later."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pydantic import SecretStr

from features import offline
from features.lake import append_rows
from features.lake_tables import PROFILES, SWIPES
from features.repo.store import feature_store, history_folder
from features.snapshots import write_profile_changes, write_snapshots
from features.views import PROFILE
from gravity.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
DAYS, PEOPLE, COUNT = 6, 12, 400
Ints = npt.NDArray[np.int64]


def test_a_profile_is_the_one_that_stood_at_the_time(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    changes = pa.table(
        {
            "person": [1, 1, 2],
            "version": [1, 2, 1],
            "changed_at": [START, START + timedelta(days=2), START],
            "name": ["A", "A", "B"],
            "birth_day": [9000, 9000, 8000],
            "gender": [1, 1, 2],
            "seeks": [[2], [2], [1]],
            "age_min": [18, 18, 18],
            "age_max": [99, 99, 99],
            "max_distance_km": [50.0, 50.0, 50.0],
            "latitude": [37.0, 38.0, 37.0],
            "longitude": [-122.0, -122.0, -122.0],
            "visibility": [1, 1, 1],
            "body_type": ["thin", "fit", None],
            "height_cm": [170.0, 170.0, None],
            "attributes": ["{}", "{}", "{}"],
            "simulated": [True, True, True],
            "photos": [[], [], []],
            "exposure": [1.0] * 3,
        },
        schema=PROFILES,
    )
    append_rows(settings.lake, "profiles", changes, "import-x-1")
    store = feature_store(settings, [])
    folder = history_folder(settings) / "profile"
    assert write_profile_changes(settings.lake, folder, START + timedelta(days=9)) == 3

    asked = pd.Series([START + timedelta(days=day) for day in (1, 3, 1)])
    found = offline.point_in_time(store, PROFILE, [1, 1, 2], asked)

    assert found["body_type"].tolist() == ["thin", "fit", None]
    assert found["latitude"].tolist() == [37.0, 38.0, 37.0]


def _settings(home: Path) -> Settings:
    return Settings(
        home=home, postgres_url="", redis_url="redis://127.0.0.1:1", bus_url="",
        card_token_key=SecretStr("0" * 32), jwt_public_key="",
    )  # fmt: skip


def test_counts_are_those_of_a_recount_before_each_time(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
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
        f"{side}_{name}": recount(who, persons)
        for side, persons in (("viewer", viewers), ("candidate", candidates))
        for name, who in zip(offline.COUNTS, (liker, swiper, liked_one, swiped), strict=True)
    }
    assert found.to_pydict() == expected


def test_a_day_of_which_nothing_stands_leaves_the_history(tmp_path: Path) -> None:
    at = int(START.timestamp() * 1000) + np.array([0, 86_400_000])
    one, two = np.array([1, 1]), np.array([2, 3])
    made = _table(one, two, np.array([1, 1]), at)
    lake, folder, until = str(tmp_path / "lake"), tmp_path / "history", START + timedelta(days=9)
    append_rows(lake, "swipes", made, "import-x-1")
    assert write_snapshots(lake, folder, until) == 4
    field = SWIPES.get_field_index("taken_back")
    undo = made.slice(0, 1).set_column(field, SWIPES.field(field), pa.array([True]))
    append_rows(lake, "swipes", undo.set_column(0, SWIPES.field(0), pa.array(["u"])), "import-x-2")
    assert write_snapshots(lake, folder, until) == 2
    assert [path.name for path in folder.iterdir()] == ["day=2026-03-03.parquet"]


def _table(swiper: Ints, swiped: Ints, action: Ints, at: Ints) -> pa.Table:
    columns: dict[str, pa.Array[Any]] = {
        "event_id": pa.array([str(n) for n in range(len(swiper))]),
        "swiper": pa.array(swiper),
        "swiped": pa.array(swiped),
        "action": pa.array(action.astype(np.int8)),
        "swiped_at": pa.array(at).cast(pa.timestamp("ms", "UTC")),
        "simulated": pa.array(np.ones(len(swiper), bool)),
        "taken_back": pa.array(np.zeros(len(swiper), bool)),
    }
    for field in SWIPES:
        columns.setdefault(field.name, pa.nulls(len(swiper), field.type))
    return pa.table(columns).select(SWIPES.names).cast(SWIPES)
