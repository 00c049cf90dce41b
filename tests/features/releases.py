"""A tiny release: the factors are random, everything else fits."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from features.behaviour import AGE_BANDS, BANDS, GENDERS, Prior
from features.disk_cells import table_order
from features.eligibility import person_table
from features.fold_in import FoldInParameters
from features.prices import KNOTS
from features.profile_code import HEIGHT_EDGES_CM, ProfileCode
from features.ranker import Network, width_of
from features.release import (
    Manifest,
    PhotoSpace,
    Pricing,
    Release,
    ReleaseArrays,
    TrainingWindow,
    cold_start_dtype,
    write_release,
)
from features.score import Calibration
from features.tower_rows import tower_shape

D = 6
NOTHING_SAID = ProfileCode((), (), (0.0,) * (len(AGE_BANDS) + len(HEIGHT_EDGES_CM) + 1))
"""The code of a market where profiles say nothing but age and height."""


def tiny_release(path: Path, people: int = 30, seed: int = 0, e: int = 0) -> Release:
    """A release of people 1..`people`, opened, with `e` directions of photos."""
    rng = np.random.default_rng(seed)
    lat, lon = 37.7 + rng.normal(0, 0.1, people), -122.4 + rng.normal(0, 0.1, people)
    order = table_order(lat, lon)
    columns = person_table(
        np.arange(1, people + 1), lat, lon, birth_day=8000, gender=1 + np.arange(people) % 2,
        seeks=6, age_min=18, age_max=99, max_distance_km=100,
    )[order.order]  # fmt: skip
    width = D + e
    taste, appeal = rng.normal(size=(2, people, width)).astype(np.float32)
    rate = np.full(people, 0.4, np.float32)
    arrays = ReleaseArrays(
        person_id=np.ascontiguousarray(columns["person_id"]),
        columns=columns,
        cell=order.cell,
        taste=taste,
        taste_prior=np.zeros_like(taste),
        appeal=appeal,
        given_rate=rate,
        received_rate=rate,
        counts=np.zeros((people, 4), np.int64),
        line=np.zeros((people, 2), np.float32),
        candidate_vectors=np.zeros((people, 2 * width + 3), np.float32),
        price_knots=np.zeros((people, KNOTS), np.float16),
        price_nats=np.zeros((people, KNOTS), np.float16),
        seen_indptr=np.zeros(people + 1, np.int64),
        seen_ids=np.zeros(0, np.int64),
        passed_indptr=np.zeros(people + 1, np.int64),
        passed_rows=np.zeros(0, np.int32),
        cold_start=np.zeros(BANDS, cold_start_dtype(width)),
        towers=rng.normal(0, 0.5, tower_shape(NOTHING_SAID, width)).astype(np.float32),
        ranker=Network.nothing(width_of(D, e), e).packed(),
        photo_axes=rng.normal(size=(5, e)).astype(np.float32),
        photo_mean=rng.normal(size=(len(GENDERS), e)).astype(np.float32),
    )
    at = datetime(2026, 3, 1, tzinfo=UTC)
    manifest = Manifest(
        d=D, photos=PhotoSpace(space="1", e=e) if e else None, people=people,
        training_window=TrainingWindow(start=at, end=at), snapshot_at=at,
        bus_positions={}, features=(), fold_in=FoldInParameters(-0.5, 1.0, 1.0, 2.0, 1.0),
        given_prior=Prior(4.0, 10.0), received_prior=Prior(3.0, 10.0), tau=0.1,
        pricing=Pricing(strength=0.0, cards_a_week=140.0, visits_a_week=3.0, exposure=1.0, tau=0.1),
        profile_code=NOTHING_SAID,
        calibration={g: Calibration(1.0, 1.0, 1.0, 0.0) for g in GENDERS},
        evaluation={}, data_hash="", code_hash="", files={},
    )  # fmt: skip
    write_release(path, manifest, arrays)
    return Release.open(path)
