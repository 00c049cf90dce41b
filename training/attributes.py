"""Observed attributes of people as numbers: what anybody can see on a profile."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.behaviour import AGE_BANDS, age_bands

Floats = npt.NDArray[np.float32]

_LEAST_PEOPLE: Final = 20
_MOST_VALUES: Final = 24
_HEIGHT_EDGES_CM: Final = (155.0, 162.0, 168.0, 174.0, 180.0, 186.0, 192.0)


def encode_attributes(profiles: pa.Table, today: int) -> Floats:
    """Columns (n, a) float32, centred over people: body type, age, height, listed attributes.

    Values held by fewer than 20 people, and keys whose values are free text, are left out.
    """
    parsed = [json.loads(text or "{}") for text in profiles.column("attributes").to_pylist()]
    keys = sorted({key for person in parsed for key in person})
    blocks = [
        _one_hot(profiles.column("body_type").to_pylist()),
        _age_columns(profiles.column("birth_day").to_numpy(), today),
        _height_columns(profiles.column("height_cm").to_numpy(zero_copy_only=False)),
        *(_one_hot([person.get(key) for person in parsed]) for key in keys if key != "body_type"),
    ]
    encoded = np.concatenate(blocks, axis=1)
    return np.asarray(encoded - encoded.mean(axis=0), np.float32)


def _one_hot(values: Sequence[str | None]) -> Floats:
    counts = Counter(value for value in values if value)
    common = sorted(value for value, count in counts.most_common(_MOST_VALUES))
    kept = [value for value in common if counts[value] >= _LEAST_PEOPLE]
    column = {value: i for i, value in enumerate(kept)}
    return _indicator((column.get(value or "", -1) for value in values), len(values), len(kept))


def _indicator(columns: Iterable[int], n: int, width: int) -> Floats:
    at = np.fromiter(columns, np.int64, n)
    out = np.zeros((n, width), np.float32)
    held = np.flatnonzero(at >= 0)
    out[held, at[held]] = 1.0
    return out


def _age_columns(birth_day: npt.NDArray[np.int32], today: int) -> Floats:
    band = age_bands(birth_day, today)
    return _indicator(band.tolist(), len(band), len(AGE_BANDS))


def _height_columns(height_cm: npt.NDArray[np.float32]) -> Floats:
    steps = np.searchsorted(_HEIGHT_EDGES_CM, height_cm)
    known = np.where(np.isfinite(height_cm), steps, -1)
    return _indicator(known.tolist(), len(known), len(_HEIGHT_EDGES_CM) + 1)
