"""What a profile says, as numbers: the same for training and for somebody who joined a second ago.

Columns are the values that enough people held when the release was made. What was unknown then, is
not said, or is no number leaves its columns at 0 before they are centred: as if nothing were said.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import AGE_BANDS, GENDERS, age_bands

Floats = npt.NDArray[np.float32]

HEIGHT_EDGES_CM: Final = (155.0, 162.0, 168.0, 174.0, 180.0, 186.0, 192.0)


@dataclass(frozen=True, slots=True, eq=False)
class Profiles:
    """n profiles. gender (n,); birth_day (n,) in days since 1970; height_cm (n,), NaN where not
    said; body_type and attributes (texts by name) n each."""

    gender: npt.NDArray[np.uint8]
    birth_day: npt.NDArray[np.int32]
    height_cm: Floats
    body_type: Sequence[str | None]
    attributes: Sequence[Mapping[str, object]]

    def __len__(self) -> int:
        return len(self.gender)


@dataclass(frozen=True, slots=True)
class ProfileCode:
    """Which column stands for what: values of the body type, and of each attribute by its name.

    `mean` is what is taken off each of the a columns.
    """

    body_types: tuple[str, ...]
    attributes: tuple[tuple[str, tuple[str, ...]], ...]
    mean: tuple[float, ...]

    def encode(self, profiles: Profiles, today: int) -> Floats:
        """Columns (n, a) float32 of body type, age, height and listed attributes, less the mean."""
        return np.asarray(self.indicators(profiles, today) - np.array(self.mean, np.float32))

    def indicators(self, profiles: Profiles, today: int) -> Floats:
        """The same before the mean is taken off: 0 or 1."""
        blocks = [
            _one_hot(profiles.body_type, self.body_types),
            _age_columns(profiles.birth_day, today),
            _height_columns(profiles.height_cm),
            *(
                _one_hot([person.get(key) for person in profiles.attributes], values)
                for key, values in self.attributes
            ),
        ]
        return np.concatenate(blocks, axis=1)

    def inputs(self, profiles: Profiles, today: int) -> Floats:
        """Columns (n, 3 + a) of a tower: gender as 0 and 1, then `encode`."""
        gender = (profiles.gender[:, None] == np.array(GENDERS)).astype(np.float32)
        return np.concatenate((gender, self.encode(profiles, today)), axis=1)


def _one_hot(said: Sequence[object], values: Sequence[str]) -> Floats:
    column = {value: i for i, value in enumerate(values)}
    at = (column.get(value, -1) if isinstance(value, str) else -1 for value in said)
    return _indicator(at, len(said), len(values))


def _indicator(columns: Iterable[int], n: int, width: int) -> Floats:
    at = np.fromiter(columns, np.int64, n)
    out = np.zeros((n, width), np.float32)
    held = np.flatnonzero(at >= 0)
    out[held, at[held]] = 1.0
    return out


def _age_columns(birth_day: npt.NDArray[np.int32], today: int) -> Floats:
    band = age_bands(birth_day, today)
    return _indicator(band.tolist(), len(band), len(AGE_BANDS))


def _height_columns(height_cm: Floats) -> Floats:
    steps = np.searchsorted(HEIGHT_EDGES_CM, height_cm)
    known = np.where(np.isfinite(height_cm), steps, -1)
    return _indicator(known.tolist(), len(known), len(HEIGHT_EDGES_CM) + 1)


def height_of(said: object) -> float:
    """Centimetres of what somebody said, NaN where that is no height."""
    try:
        height = float(str(said))
    except ValueError:
        return math.nan
    return height if math.isfinite(height) and height > 0 else math.nan
