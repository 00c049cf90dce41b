"""Small markets with a known truth, as tables in the lake's schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.lake_tables import PROFILES, SWIPES

UNTIL = datetime(2026, 3, 1, tzinfo=UTC)
BODY_TYPES = ("athletic", "average", "curvy", "thin")
DAYS = 12

Column: TypeAlias = "npt.NDArray[np.generic] | Sequence[object] | pa.Array[pa.Scalar[pa.DataType]]"


@dataclass(frozen=True)
class World:
    """Lake tables and the truth: p_like (n, n) by index, where person id = index + 1."""

    profiles: pa.Table
    swipes: pa.Table
    p_like: npt.NDArray[np.float64]
    body_type: npt.NDArray[np.int64]
    now: datetime


def market(people: int = 400, swipes_each: int = 40, seed: int = 0) -> World:
    """Straight people of one town whose likes depend on rates, body type and hidden factors."""
    rng = np.random.default_rng(seed)
    gender = np.where(rng.random(people) < 0.5, 1, 2)
    body = rng.integers(0, len(BODY_TYPES), people)
    favourite = rng.integers(0, len(BODY_TYPES), people)
    hidden = rng.normal(0, 0.7, (2, people, 3))
    logit = (
        rng.normal(-0.8, 0.6, people)[:, None]
        + rng.normal(0, 1.3, people)[None, :]
        + 1.6 * (favourite[:, None] == body[None, :])
        + hidden[0] @ hidden[1].T
    )
    return _world(gender, body, 1.0 / (1.0 + np.exp(-logit)), swipes_each, rng)


def checkerboard(people: int = 400, swipes_each: int = 60, seed: int = 0) -> World:
    """Two hidden kinds of people, alike in everything observed: each likes its own kind."""
    rng = np.random.default_rng(seed)
    gender = np.where(rng.random(people) < 0.5, 1, 2)
    kind = rng.random(people) < 0.5
    p_like = np.where(kind[:, None] == kind[None, :], 0.85, 0.15)
    return _world(gender, np.zeros(people, np.int64), p_like, swipes_each, rng)


def _world(
    gender: npt.NDArray[np.int64],
    body: npt.NDArray[np.int64],
    p_like: npt.NDArray[np.float64],
    swipes_each: int,
    rng: np.random.Generator,
) -> World:
    profiles = profiles_table(gender, rng.integers(20, 50, len(gender)), body, rng)
    pairs = [
        (u, v)
        for u in range(len(gender))
        for v in rng.permutation(np.flatnonzero(gender != gender[u]))[:swipes_each]
    ]
    viewer, candidate = np.array(pairs).T
    liked = rng.random(len(viewer)) < p_like[viewer, candidate]
    action = np.where(liked, np.where(rng.random(len(liked)) < 0.05, 3, 1), 2)
    swipes = swipes_table(viewer + 1, candidate + 1, action, rng.random(len(viewer)))
    return World(profiles, swipes, p_like, body, UNTIL)


def swipes_table(
    swiper: npt.ArrayLike, swiped: npt.ArrayLike, action: npt.ArrayLike, when: npt.ArrayLike
) -> pa.Table:
    """SWIPES rows; `when` in [0, 1) over the last DAYS days."""
    at_ms = int(UNTIL.timestamp() * 1000) + ((np.asarray(when) - 1.0) * DAYS * 86_400_000).astype(
        np.int64
    )
    m = len(at_ms)
    columns: dict[str, Column] = {
        "event_id": [f"e{i}" for i in range(m)],
        "swiper": np.asarray(swiper, np.int64),
        "swiped": np.asarray(swiped, np.int64),
        "action": np.asarray(action, np.int8),
        "swiped_at": pa.array(at_ms).cast(pa.timestamp("ms", tz="UTC")),
        "simulated": np.ones(m, bool),
        "taken_back": np.zeros(m, bool),
    }
    return _table(SWIPES, columns, m)


def profiles_table(
    gender: npt.NDArray[np.int64],
    ages: npt.NDArray[np.int64],
    body: npt.NDArray[np.int64],
    rng: np.random.Generator,
) -> pa.Table:
    """PROFILES rows of persons 1..n around one town; everybody seeks the other of two genders."""
    n = len(gender)
    today = (UNTIL.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    columns: dict[str, Column] = {
        "person": np.arange(1, n + 1),
        "version": np.ones(n, np.int64),
        "changed_at": pa.array([UNTIL - timedelta(days=30)] * n, pa.timestamp("ms", tz="UTC")),
        "name": ["Somebody"] * n,
        "birth_day": (today - ages * 365.25 - 100).astype(np.int32),
        "gender": gender.astype(np.int8),
        "seeks": [[int(3 - g)] for g in gender],
        "age_min": np.full(n, 18, np.int16),
        "age_max": np.full(n, 99, np.int16),
        "max_distance_km": np.full(n, 100.0, np.float32),
        "latitude": 37.7 + rng.normal(0, 0.05, n),
        "longitude": -122.4 + rng.normal(0, 0.05, n),
        "visibility": np.ones(n, np.int8),
        "body_type": [BODY_TYPES[b] for b in body],
        "height_cm": rng.normal(172, 9, n).astype(np.float32),
        "attributes": [json.dumps({"diet": "anything"})] * n,
        "simulated": np.ones(n, bool),
        "photos": [[]] * n,
        "exposure": np.ones(n, np.float32),
    }
    return _table(PROFILES, columns, n)


def _table(schema: pa.Schema, columns: Mapping[str, Column], rows: int) -> pa.Table:
    arrays: list[pa.Array[pa.Scalar[pa.DataType]]] = [
        pa.array(list(columns[field.name]), field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
