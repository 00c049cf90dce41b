"""People's observed attributes as coordinates that learning can lean on."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

from features.behaviour import GENDERS
from training.datasets import Swipes
from training.snapshot import People

Floats64 = npt.NDArray[np.float64]

_MOST_COLUMNS: Final = 64
_LEAST_SPREAD: Final = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """Of n people: `white` (n, q), attributes of unit covariance over the cards shown; `all`
    (n, 3 + q), their gender as 0 and 1 before that."""

    white: Floats64
    all: Floats64


def own_coordinates(people: People, swipes: Swipes) -> Own:
    """Coordinates by the cards that `swipes` answered."""
    white = whitened(observed_columns(people), swipes)
    is_gender = (people.gender[:, None] == np.array(GENDERS)).astype(np.float64)
    return Own(white, np.concatenate((is_gender, white), axis=1))


def observed_columns(people: People) -> Floats64:
    """Attributes (n, q), centred within each gender: what differs between genders is no taste."""
    columns = centred_by_gender(people.attributes.astype(np.float64), people)
    if columns.shape[1] <= _MOST_COLUMNS:
        return columns
    _, axes = np.linalg.eigh(columns.T @ columns)
    return np.asarray(columns @ axes[:, ::-1][:, :_MOST_COLUMNS], np.float64)


def centred_by_gender(columns: Floats64, people: People) -> Floats64:
    centred = columns.copy()
    for gender in np.unique(people.gender):
        rows = people.gender == gender
        centred[rows] -= centred[rows].mean(axis=0)
    return centred


def whitened(columns: Floats64, swipes: Swipes) -> Floats64:
    """Coordinates (n, r) of unit covariance among the cards of one viewer.

    Within viewers, since a taste can only show where somebody's cards differ: those of one viewer
    are of like age. Directions of next to no spread are dropped.
    """
    shown = np.bincount(swipes.candidate, minlength=len(columns)) / len(swipes)
    centred = columns - shown @ columns
    return np.asarray(centred @ whitening(centred, swipes), np.float64)


def whitening(centred: Floats64, swipes: Swipes) -> Floats64:
    """The map (K, r) that whitens columns (n, K) of mean 0; see `whitened`."""
    shown = np.bincount(swipes.candidate, minlength=len(centred)) / len(swipes)
    between = of_viewers(centred, swipes, np.ones(len(swipes)))
    within = centred.T @ (shown[:, None] * centred)
    within -= between.mean.T @ (between.weight[:, None] * between.mean) / len(swipes)
    spread, axes = np.linalg.eigh(within)
    kept = spread > _LEAST_SPREAD * max(float(spread.max(initial=0.0)), 1e-12)
    return np.asarray(axes[:, kept] / np.sqrt(spread[kept]), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class OfViewers:
    """Weights (n,) of the cards that each viewer was shown, and their weighted mean (n, K)."""

    weight: Floats64
    mean: Floats64


def of_viewers(coordinates: Floats64, swipes: Swipes, weight: Floats64) -> OfViewers:
    """Means of the coordinates (n, K) of what viewers swiped on, by weights (m,) of the swipes."""
    n = len(coordinates)
    shown = csr_matrix((weight, (swipes.viewer, swipes.candidate)), (n, n))
    total = np.asarray(shown.sum(axis=1), np.float64).ravel()
    mean = np.asarray(shown @ coordinates) / np.maximum(total, 1e-12)[:, None]
    return OfViewers(total, np.asarray(mean, np.float64))
