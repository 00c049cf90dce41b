"""Observed traits of profiles as numbers: what tastes can be about."""

import json
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TRAITS: Final = ("age", "build", "athletic", "learned", "height")

_BUILD: Final = {
    "skinny": -1.4,
    "thin": -1.1,
    "fit": -0.5,
    "athletic": -0.4,
    "jacked": 0.0,
    "average": 0.2,
    "used up": 0.6,
    "curvy": 1.2,
    "a little extra": 1.5,
    "full figured": 2.2,
    "overweight": 2.6,
}
_ATHLETIC: Final = {"fit": 1.1, "athletic": 1.5, "jacked": 1.9}
_DEGREES: Final = {
    "high school": -1.6,
    "two-year college": -0.9,
    "college/university": 0.1,
    "masters program": 1.0,
    "law school": 1.2,
    "med school": 1.3,
    "ph.d program": 1.5,
}
_DROPPED_OUT: Final = -1.0
_SMOKER: Final = -0.8

Floats = npt.NDArray[np.float64]


def read_traits(profiles: pa.Table) -> Floats:
    """Traits (n, len(TRAITS)) of profiles: mean 0 and deviation 1 within each gender.

    What somebody does not say is 0, the mean.
    """
    gender = profiles.column("gender").to_numpy()
    body = profiles.column("body_type").to_pylist()
    columns = [
        -profiles.column("birth_day").to_numpy().astype(np.float64),
        np.array([_BUILD.get(word or "", np.nan) for word in body]),
        np.array([_ATHLETIC.get(word, -0.6) if word else np.nan for word in body]),
        np.array([_learned(text) for text in profiles.column("attributes").to_pylist()]),
        profiles.column("height_cm").to_numpy().astype(np.float64),
    ]
    traits = np.stack(columns, axis=1)
    for value in np.unique(gender):
        of_gender = gender == value
        traits[of_gender] = _standardised(traits[of_gender])
    return traits


def _learned(attributes: str | None) -> float:
    """Education, and the way of life that goes with it."""
    said = json.loads(attributes or "{}")
    education = said.get("education", "")
    degree = next((score for name, score in _DEGREES.items() if education.endswith(name)), np.nan)
    if education.startswith("dropped out"):
        degree += _DROPPED_OUT
    return float(degree + _SMOKER * (said.get("smokes", "no") != "no"))


def _standardised(columns: Floats) -> Floats:
    known = ~np.isnan(columns)
    count = np.maximum(known.sum(axis=0), 1)
    filled = np.where(known, columns, 0.0)
    mean = filled.sum(axis=0) / count
    centred = np.where(known, columns - mean, 0.0)
    deviation = np.sqrt((centred**2).sum(axis=0) / count)
    return np.asarray(np.clip(centred / np.maximum(deviation, 1e-9), -3.0, 3.0), np.float64)
