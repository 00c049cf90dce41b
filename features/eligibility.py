"""Who may be shown to whom: the one implementation of the hard constraints, on plain arrays.

Two-way: the viewer's constraints on the candidate and the candidate's on the viewer. Index,
fallback, last look, simulator and training all call `eligible`.

Distances compare squared chords between unit vectors in float64: unlike `arccos` of a dot product
that is exact near zero, and unlike the haversine it needs no trigonometry per candidate.
"""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from typing import Final, Self

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_KM: Final = 6371.0088
"""Mean radius (IUGG)."""


PERSON_DTYPE: Final = np.dtype(
    [
        ("person_id", "<i8"),
        ("x", "<f8"),
        ("y", "<f8"),
        ("z", "<f8"),
        ("birth_day", "<i4"),
        ("gender", "u1"),
        ("seeks", "u1"),
        ("age_min", "u1"),
        ("age_max", "u1"),
        ("max_distance_km", "<f4"),
        ("visible", "?"),
    ]
)
"""One person of a stored table. `seeks` is a mask of `1 << gender`; days are since 1970-01-01."""

_EPOCH: Final = date(1970, 1, 1)
_OLDEST_AGE: Final = 200
_BIT_OF_GENDER: Final = np.array([1 << gender if gender < 8 else 0 for gender in range(256)], "u1")

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class CoordinatesInvalid(ValueError):
    """A latitude or longitude is NaN, infinite or out of range."""


def unit_vectors(latitude: npt.ArrayLike, longitude: npt.ArrayLike) -> Floats:
    """Unit vectors (n, 3) float64 of degrees (n,). Raises `CoordinatesInvalid`."""
    lat = np.atleast_1d(np.asarray(latitude, np.float64))
    lon = np.atleast_1d(np.asarray(longitude, np.float64))
    # Written so that NaN fails the comparison too.
    if not bool(np.all((np.abs(lat) <= 90.0) & (np.abs(lon) <= 180.0))):
        raise CoordinatesInvalid("latitude must be within ±90 and longitude within ±180 degrees")
    phi, theta = np.radians(lat), np.radians(lon)
    return np.stack((np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)), axis=1)


def distance_km(a: Floats, b: Floats) -> Floats:
    """Great-circle kilometres between unit vectors (..., 3) and (..., 3), broadcast."""
    half_chord = np.sqrt(np.sum((a - b) ** 2, axis=-1)) / 2.0
    out: Floats = 2.0 * EARTH_RADIUS_KM * np.arcsin(np.minimum(1.0, half_chord))
    return out


def squared_chord(km: npt.ArrayLike) -> Floats:
    """Squared chord of a great-circle distance; 4 (everybody) from half the circumference on."""
    angle = np.minimum(np.asarray(km, np.float64) / EARTH_RADIUS_KM, np.pi)
    chord: Floats = (2.0 * np.sin(angle / 2.0)) ** 2
    # A limit of half the way round has no one beyond it, whatever the rounding says.
    return np.asarray(np.where(angle >= np.pi, np.inf, chord), np.float64)


def birthday_reached(today: int, age: int) -> int:
    """The latest birth day (days since 1970) of somebody who is `age` or older on `today`.

    Calendar years: one born on 29 February has their birthday on 1 March of a common year.
    """
    now = _EPOCH + timedelta(days=today)
    year = now.year - age
    if year < 1:
        return (date.min - _EPOCH).days - 1
    try:
        born = now.replace(year=year)
    except ValueError:
        born = date(year, 2, 28)
    return (born - _EPOCH).days


def age(birth_day: int, today: int) -> int:
    """Whole calendar years of one person on `today`; negative for one not yet born."""
    born, now = _EPOCH + timedelta(days=birth_day), _EPOCH + timedelta(days=today)
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


def ages(birth_days: npt.ArrayLike, today: int) -> npt.NDArray[np.int64]:
    """Whole calendar years (n,) on `today`; −1 for one not yet born."""
    latest = np.array([birthday_reached(today, age) for age in range(_OLDEST_AGE)], np.int64)
    born = np.asarray(birth_days, np.int64)
    reached = _OLDEST_AGE - np.searchsorted(latest[::-1], born, side="left")
    return np.asarray(reached - 1, np.int64)


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `xyz` is a unit vector; limits may be tighter than the stored ones."""

    person_id: int
    x: float
    y: float
    z: float
    birth_day: int
    gender: int
    seeks: int
    age_min: int
    age_max: int
    max_distance_km: float

    @classmethod
    def at(
        cls,
        person_id: int,
        latitude: float,
        longitude: float,
        *,
        birth_day: int,
        gender: int,
        seeks: int,
        age_min: int,
        age_max: int,
        max_distance_km: float,
    ) -> Self:
        """A viewer at a place in degrees. Raises `CoordinatesInvalid`."""
        x, y, z = unit_vectors(latitude, longitude)[0].tolist()
        return cls(person_id, x, y, z, birth_day, gender, seeks, age_min, age_max, max_distance_km)

    def tightened(
        self,
        age_min: int | None = None,
        age_max: int | None = None,
        max_distance_km: float | None = None,
    ) -> Self:
        """The same viewer with filters that can only narrow their preferences."""
        km = self.max_distance_km if max_distance_km is None else max_distance_km
        return replace(
            self,
            age_min=max(self.age_min, self.age_min if age_min is None else age_min),
            age_max=min(self.age_max, self.age_max if age_max is None else age_max),
            max_distance_km=min(self.max_distance_km, km),
        )


@dataclass(frozen=True, slots=True)
class Candidates:
    """Columns of n candidates, each contiguous: a scan reads only what it compares.

    `reach` (n,) float64 is the squared chord of their own distance limit.
    """

    person_id: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    z: Floats
    birth_day: npt.NDArray[np.int32]
    gender: npt.NDArray[np.uint8]
    seeks: npt.NDArray[np.uint8]
    age_min: npt.NDArray[np.uint8]
    age_max: npt.NDArray[np.uint8]
    reach: Floats
    visible: Mask

    @classmethod
    def of(cls, table: npt.NDArray[np.void], reach: Floats | None = None) -> Self:
        """Columns of a PERSON_DTYPE table (n,), whose `reach` (n,) may be known already."""
        columns = {
            name: np.ascontiguousarray(table[name])
            for name in PERSON_DTYPE.names or ()
            if name != "max_distance_km"
        }
        if reach is None:
            reach = squared_chord(table["max_distance_km"])
        return cls(reach=reach, **columns)

    def __len__(self) -> int:
        return len(self.person_id)

    def rows(self, start: int, stop: int) -> Self:
        """The rows start:stop, as views."""
        return type(self)(*(getattr(self, f.name)[start:stop] for f in fields(self)))

    def take(self, rows: npt.NDArray[np.int64]) -> Self:
        """Copies of the given rows, in that order."""
        return type(self)(*(getattr(self, f.name)[rows] for f in fields(self)))


def person_table(
    person_id: npt.ArrayLike,
    latitude: npt.ArrayLike,
    longitude: npt.ArrayLike,
    *,
    birth_day: npt.ArrayLike,
    gender: npt.ArrayLike,
    seeks: npt.ArrayLike,
    age_min: npt.ArrayLike,
    age_max: npt.ArrayLike,
    max_distance_km: npt.ArrayLike,
    visible: npt.ArrayLike = True,
) -> npt.NDArray[np.void]:
    """A PERSON_DTYPE table (n,) from columns (n,) or scalars; `seeks` is the mask.

    Raises `CoordinatesInvalid`. Ages beyond 255 mean no limit and are stored as 255.
    """
    xyz = unit_vectors(latitude, longitude)
    table = np.empty(len(xyz), PERSON_DTYPE)
    table["person_id"] = person_id
    table["x"], table["y"], table["z"] = xyz.T
    table["birth_day"], table["gender"], table["seeks"] = birth_day, gender, seeks
    table["age_min"] = np.clip(age_min, 0, 255)
    table["age_max"] = np.clip(age_max, 0, 255)
    table["max_distance_km"], table["visible"] = max_distance_km, visible
    return table


def viewer_of(table: npt.NDArray[np.void], row: int) -> Viewer:
    """The person in a row of a PERSON_DTYPE table, as a viewer."""
    # PERSON_DTYPE begins with the fields of Viewer, in their order.
    return Viewer(*table[row].item()[: len(Viewer.__slots__)])


def genders_match(
    viewer: Viewer, gender: npt.NDArray[np.uint8], seeks: npt.NDArray[np.uint8]
) -> Mask:
    """Mask (n,): the viewer seeks their gender and they seek the viewer's."""
    sought = (_BIT_OF_GENDER[gender] & np.uint8(viewer.seeks)) != 0
    return np.asarray(sought & ((seeks & np.uint8(1 << viewer.gender)) != 0), np.bool_)


def within_ages(viewer: Viewer, birth_day: npt.NDArray[np.int32], today: int) -> Mask:
    """Mask (n,): born so that they are of an age that the viewer wants to see."""
    youngest = birthday_reached(today, viewer.age_min)
    too_old = birthday_reached(today, viewer.age_max + 1)
    return np.asarray((birth_day <= youngest) & (birth_day > too_old), np.bool_)


def eligible(viewer: Viewer, candidates: Candidates, today: int) -> Mask:
    """Mask (n,) of the candidates whom `viewer` may see and who may see `viewer` on `today`.

    Gender, age and distance hold in both directions, boundaries included; hidden candidates and
    the viewer are out. Blocks, bans and swipes are sets of ids and are not looked at here.
    """
    c = candidates
    viewer_age = min(255, max(0, age(viewer.birth_day, today)))
    mask: Mask = c.visible & (c.person_id != viewer.person_id)
    mask &= genders_match(viewer, c.gender, c.seeks)
    mask &= within_ages(viewer, c.birth_day, today)
    mask &= (c.age_min <= viewer_age) & (c.age_max >= viewer_age)
    chord = (c.x - viewer.x) ** 2
    chord += (c.y - viewer.y) ** 2
    chord += (c.z - viewer.z) ** 2
    mask &= chord <= np.minimum(c.reach, float(squared_chord(viewer.max_distance_km)))
    return mask
