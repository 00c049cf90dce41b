"""Eligibility once more, written from DESIGN §3's words alone: the check of the real one.

Shares nothing with `features.eligibility`: haversine instead of chords, calendar fields instead of
day bounds, Postgres rows instead of the release or Redis.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088


@dataclass(frozen=True, slots=True)
class People:
    """Everyone, one row a person, ascending by id; all arrays (n,)."""

    person: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    birthday: NDArray[np.datetime64]
    gender: NDArray[np.int64]
    # Row-wise membership: seeks[i, g] is whether person i seeks gender g; (n, 4) bool.
    seeks: NDArray[np.bool_]
    age_min: NDArray[np.int64]
    age_max: NDArray[np.int64]
    max_distance_km: NDArray[np.float64]
    # Visible, and neither banned nor erased.
    shown: NDArray[np.bool_]

    def row(self, person: int) -> int:
        """The row of a person who is known to exist."""
        return int(np.searchsorted(self.person, person))


def ages(birthday: NDArray[np.datetime64], today: date) -> NDArray[np.int64]:
    """Full years of age on `today`, by calendar fields; (n,) int64."""
    months = birthday.astype("datetime64[M]")
    year = birthday.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (birthday.astype("datetime64[D]") - months).astype(np.int64) + 1
    before = (month > today.month) | ((month == today.month) & (day > today.day))
    result: NDArray[np.int64] = today.year - year - before.astype(np.int64)
    return result


def distances_km(people: People, row: int) -> NDArray[np.float64]:
    """Haversine distances from one person to all; (n,) float64 km."""
    lat, lon = np.radians(people.latitude), np.radians(people.longitude)
    half = (
        np.sin((lat - lat[row]) / 2) ** 2
        + np.cos(lat) * np.cos(lat[row]) * np.sin((lon - lon[row]) / 2) ** 2
    )
    result: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(half))
    return result


def eligible(people: People, row: int, today: date) -> NDArray[np.bool_]:
    """Who may be shown to the person in `row`, two-way, whether swiped before or not; (n,) bool."""
    age = ages(people.birthday, today)
    distance = distances_km(people, row)
    limit = np.minimum(people.max_distance_km[row], people.max_distance_km)
    mask: NDArray[np.bool_] = people.shown & (distance <= limit)
    mask &= people.seeks[row, people.gender] & people.seeks[:, people.gender[row]]
    mask &= (age >= people.age_min[row]) & (age <= people.age_max[row])
    mask &= (age[row] >= people.age_min) & (age[row] <= people.age_max)
    mask[row] = False
    return mask
