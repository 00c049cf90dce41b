"""What Milvus is told of a viewer's constraints: a filter that every eligible person passes.

It need not be exact, since who is eligible is known already: it only keeps most of the others from
filling the places of an answer. Milvus takes seconds to read a list of 50,000 rows, and half a
millisecond to read this.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.eligibility import (
    EARTH_RADIUS_KM,
    Candidates,
    Viewer,
    age,
    birthday_reached,
    squared_chord,
)

Ints = npt.NDArray[np.int64]

ROW: Final = "id"
"""The primary key. Servers of 2.3 call it so in their answers, whatever its name is."""
_REACHES_KM: Final = (10.0, 25.0, 50.0, 100.0)
"""Whose own limit is below one of these lives within that distance, or is not eligible."""
_ROUNDING: Final = 1e-9
"""Of a radian: 6 mm on the ground."""
_GENDERS: Final = 8


def listed(rows: Ints) -> str:
    """Exactly these rows."""
    return f"{ROW} in {rows.tolist()}"


def kinds_of(people: Candidates) -> npt.NDArray[np.int32]:
    """Gender and whom one seeks as one number (n,), of people (n,)."""
    return np.asarray(people.gender.astype(np.int32) << _GENDERS | people.seeks, np.int32)


@dataclass(frozen=True, slots=True)
class Coarse:
    """Filters over people of these kinds, (m,) int32 and distinct."""

    kinds: npt.NDArray[np.int32]

    @classmethod
    def of(cls, people: Candidates) -> Self:
        """For a collection of these people (n,)."""
        return cls(np.unique(kinds_of(people)))

    def around(self, viewer: Viewer, today: int) -> str:
        """Gender, age and orientation as they are, in both directions; distance by boxes."""
        viewer_age = min(255, max(0, age(viewer.birth_day, today)))
        parts = (
            f"kind in {self._kinds_for(viewer).tolist()}",
            f"birth_day <= {birthday_reached(today, viewer.age_min)}",
            f"birth_day > {birthday_reached(today, viewer.age_max + 1)}",
            f"age_min <= {viewer_age}",
            f"age_max >= {viewer_age}",
            f"({' or '.join(_bands(viewer))})",
        )
        return " and ".join(parts)

    def _kinds_for(self, viewer: Viewer) -> npt.NDArray[np.int32]:
        gender = self.kinds >> _GENDERS
        sought = (gender < _GENDERS) & ((viewer.seeks >> gender & 1) == 1)
        seeking = (self.kinds >> viewer.gender & 1) == 1
        return np.asarray(self.kinds[sought & seeking], np.int32)


def _bands(viewer: Viewer) -> list[str]:
    """For those of each reach the box in which they must be; together nobody is left out."""
    bands, low = [], 0.0
    for high in (*(km for km in _REACHES_KM if km < viewer.max_distance_km), None):
        parts = [f"reach >= {float(squared_chord(low))!r}"] if low else []
        if high is not None:
            parts.append(f"reach < {float(squared_chord(high))!r}")
        parts += _box(viewer, viewer.max_distance_km if high is None else high)
        bands.append(f"({' and '.join(parts)})")
        low = high or low
    return bands


def _box(viewer: Viewer, km: float) -> list[str]:
    """Around everywhere within so many kilometres of the viewer, on each axis of the sphere."""
    reach = min(np.pi, km / EARTH_RADIUS_KM) + _ROUNDING
    box = []
    for axis, at in zip("xyz", (viewer.x, viewer.y, viewer.z), strict=True):
        angle = np.arccos(min(1.0, max(-1.0, at)))
        low = float(np.cos(min(np.pi, angle + reach)))
        high = float(np.cos(max(0.0, angle - reach)))
        box.append(f"{axis} >= {low - _ROUNDING!r} and {axis} <= {high + _ROUNDING!r}")
    return box
