"""Small worlds at any place on Earth, and releases made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from features.behaviour import BANDS, Prior
from features.disk_cells import table_order
from features.eligibility import person_table
from features.fold_in import FoldInParameters
from features.prices import Prices
from features.profile_code import ProfileCode
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
from features.score import Calibration, Sides, candidate_vectors
from features.tower_rows import tower_shape
from tests.features.prices import random_prices
from training.assembly import signature

D = 4
TODAY = 20_513
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WINDOW_END = datetime(2026, 3, 1, tzinfo=UTC)
CODE = ProfileCode(("athletic", "thin"), (("diet", ("vegan",)),), (0.0,) * 17)
CALIBRATIONS = {
    1: Calibration(1.1, 0.8, 1.2, 0.3),
    2: Calibration(0.9, 1.1, 0.7, -0.2),
    3: Calibration(1.0, 1.0, 1.0, 0.0),
}


@dataclass(frozen=True)
class World:
    """n people in table order: PERSON_DTYPE rows, their degrees and their cells."""

    table: npt.NDArray[np.void]
    latitude: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    cell: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.table)


def world(
    rng: np.random.Generator,
    n: int,
    centre: tuple[float, float] = (37.77, -122.42),
    spread_km: float = 60.0,
    first_id: int = 1,
) -> World:
    """People scattered around a place (across the date line and the poles too)."""
    latitude, longitude = scattered(rng, n, centre, spread_km)
    low = rng.integers(18, 40, n)
    people = person_table(
        first_id + np.arange(n),
        latitude,
        longitude,
        birth_day=TODAY - rng.integers(18 * 366, 60 * 365, n),
        gender=rng.integers(1, 4, n),
        seeks=rng.integers(1, 8, n) * 2,
        age_min=low,
        age_max=low + rng.integers(0, 50, n),
        max_distance_km=rng.choice([5.0, 25.0, 50.0, 100.0, 500.0], n),
        visible=rng.random(n) < 0.9,
    )
    placed = table_order(latitude, longitude)
    return World(people[placed.order], latitude[placed.order], longitude[placed.order], placed.cell)


def scattered(
    rng: np.random.Generator, n: int, centre: tuple[float, float], spread_km: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points (n,) around a centre in degrees, by steps in the tangent plane of the sphere."""
    phi, theta = np.radians(centre)
    up = np.array((np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)))
    step = rng.normal(0, spread_km / 6371.0, (n, 3))
    points = up + step
    points /= np.linalg.norm(points, axis=1)[:, None]
    return np.degrees(np.arcsin(points[:, 2])), np.degrees(np.arctan2(points[:, 1], points[:, 0]))


def write_world(
    path: Path,
    people: World,
    rng: np.random.Generator,
    seen: float = 0.05,
    e: int = 0,
    prices: Prices | None = None,
    passed: Mapping[int, Sequence[int]] = MappingProxyType({}),
) -> Release:
    """A release of random factors, `e` of them of photos, and random prices unless there are
    others; everyone has swiped a share of the rest. `passed`: by row, the rows of who has passed on
    somebody."""
    n = len(people)
    if prices is None:
        prices = random_prices(np.random.default_rng(n), n)
    taste, appeal = (rng.normal(0, 0.8, (n, D + e)).astype(np.float32) for _ in range(2))
    given, received = (rng.uniform(0.05, 0.9, n).astype(np.float32) for _ in range(2))
    line = np.column_stack((rng.uniform(-1.5, -0.5, n), rng.uniform(0.3, 0.9, n))).astype("f4")
    sides = Sides.of(taste, appeal, given, received, line, people.table["gender"], CALIBRATIONS)
    indptr, ids = _seen(people, rng, seen)
    arrays = ReleaseArrays(
        person_id=people.table["person_id"].copy(),
        columns=people.table,
        cell=people.cell,
        taste=taste,
        taste_prior=taste,
        appeal=appeal,
        given_rate=given,
        received_rate=received,
        counts=np.zeros((n, 4), np.int64),
        line=line,
        candidate_vectors=candidate_vectors(sides, prices.uppermost()),
        price_knots=prices.knots.astype(np.float16),
        price_nats=prices.nats.astype(np.float16),
        seen_indptr=indptr,
        seen_ids=ids,
        passed_indptr=np.cumsum([0, *(len(passed.get(row, ())) for row in range(n))]),
        passed_rows=_passed(people, passed),
        cold_start=_cold_start(rng, D + e),
        towers=rng.normal(0, 0.5, tower_shape(CODE, D + e)).astype(np.float32),
        ranker=_ranker(rng, e).packed(),
        photo_axes=np.zeros((5, e), np.float32),
        photo_mean=np.zeros((3, e), np.float32),
    )
    write_release(path, manifest(n, e), arrays)
    return Release.open(path)


def manifest(people: int, e: int = 0) -> Manifest:
    """Of a release of D factors, and `e` more of photos."""
    return Manifest(
        d=D,
        photos=PhotoSpace(space="1", e=e) if e else None,
        people=people,
        training_window=TrainingWindow(start=datetime(2026, 2, 1, tzinfo=UTC), end=WINDOW_END),
        snapshot_at=WINDOW_END,
        bus_positions={},
        features=signature(D, e),
        fold_in=FoldInParameters(0.0, 1.0, 1.0, 2.0, 1.0),
        given_prior=Prior(1.0, 3.0),
        received_prior=Prior(1.0, 3.0),
        tau=0.3,
        pricing=Pricing(strength=1.0, cards_a_week=140.0, visits_a_week=3.0, exposure=1.0, tau=0.1),
        profile_code=CODE,
        calibration=CALIBRATIONS,
        evaluation={},
        data_hash=f"data of {people}",
        code_hash="code",
        files={},
    )


def _seen(
    people: World, rng: np.random.Generator, share: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    ids = np.sort(people.table["person_id"])
    each = [ids[rng.random(len(ids)) < share] for _ in range(len(ids))]
    indptr = np.concatenate(([0], np.cumsum([len(one) for one in each]))).astype(np.int64)
    return indptr, np.concatenate(each).astype(np.int64) if each else np.empty(0, np.int64)


def _passed(people: World, passed: Mapping[int, Sequence[int]]) -> npt.NDArray[np.int32]:
    ids = people.table["person_id"]
    each = [sorted(passed[row], key=lambda one: int(ids[one])) for row in sorted(passed)]
    return np.array([row for rows in each for row in rows], np.int32)


def _ranker(rng: np.random.Generator, e: int) -> Network:
    """One that corrects a little: the order is near that of the product, and another."""
    width, units = width_of(D, e), 3
    return Network(
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        linear=rng.normal(0, 0.01, width).astype(np.float32),
        hidden=rng.normal(0, 0.2, (width, units)).astype(np.float32),
        hidden_bias=rng.normal(0, 0.2, units).astype(np.float32),
        out=rng.normal(0, 0.05, units).astype(np.float32),
        bias=0.1,
        e=e,
    )


def _cold_start(rng: np.random.Generator, width: int) -> npt.NDArray[np.void]:
    rows = np.zeros(BANDS, cold_start_dtype(width))
    rows["taste"], rows["appeal"] = rng.normal(0, 0.3, (2, BANDS, width))
    rows["given_rate"], rows["received_rate"] = rng.uniform(0.2, 0.6, (2, BANDS))
    rows["line"] = (-1.0, 0.6)
    return rows
