"""The directions of photos along which tastes vary, and none along which photos are liked by all.

Embeddings come from one space; what is found here is a map of them, so that a photo of tomorrow has
its place too. Of an embedding those directions count that photos differ most along: its space was
learned so that these are the ones of most taste. First the directions in which a photo's place goes
with how often it is liked are taken out, by gender: along what is left no taste, whosever it is,
puts the much liked photos above the others. Then it is as with attributes (training.factors): white
among the cards of one viewer, turned to where tastes vary most, scaled by how far.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS
from training.coordinates import whitening
from training.datasets import Swipes
from training.snapshot import People
from training.tastes import taste_covariance

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

LEAST_VARIANCE: Final = 1e-3
MOST_VARIANCE: Final = 0.5
_NONE: Final = 1e-6
_WIDEST: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class PhotoAxes:
    """axes (p, e) of embeddings; mean (3, e), by gender, of people's photos along them."""

    axes: Floats64
    mean: Floats64

    def coordinates(self, people: People) -> Floats64:
        """Photos (n, e) of people; zeros, the mean of their gender, for who has none."""
        photos = people.photos
        if photos is None or not self.axes.shape[1]:
            return np.zeros((len(people), self.axes.shape[1]))
        of = people.gender.astype(np.int64) - GENDERS[0]
        placed = photos.vector.astype(np.float64) @ self.axes - self.mean[of]
        return np.asarray(np.where(photos.present[:, None], placed, 0.0), np.float64)


def no_axes() -> PhotoAxes:
    """Of a market without photos."""
    return PhotoAxes(np.zeros((0, 0)), np.zeros((len(GENDERS), 0)))


def find_photo_axes(people: People, swipes: Swipes, p_like: Floats64, e: int) -> PhotoAxes:
    """The e directions of most taste, from swipes whose likes had p_like (m,) by rates alone.

    Where there are fewer, the rest is zero. Without photos there are none.
    """
    photos = people.photos
    if photos is None or not photos.present.any():
        return no_axes()
    vector = photos.vector.astype(np.float64)
    means = _gender_means(vector, photos.present, people.gender)
    centred = vector - means[people.gender.astype(np.int64) - GENDERS[0]]
    centred[~photos.present] = 0.0
    most = _widest(centred)
    white = most @ whitening(centred @ most, swipes)
    white = white @ _without(_liked_directions(centred @ white, people, swipes))
    variance, turned = np.linalg.eigh(taste_covariance(centred @ white, swipes, p_like))
    scale = np.sqrt(np.clip(variance[::-1][:e], LEAST_VARIANCE, MOST_VARIANCE))
    axes = white @ turned[:, ::-1][:, :e] * scale
    axes = np.pad(axes, ((0, 0), (0, e - axes.shape[1])))
    return PhotoAxes(axes, means @ axes)


def _gender_means(
    vector: Floats64, present: npt.NDArray[np.bool_], gender: npt.ArrayLike
) -> Floats64:
    """Means (3, p) of the present, by gender; zeros where there is nobody."""
    of = np.asarray(gender)
    rows = [vector[present & (of == g)] for g in GENDERS]
    return np.stack([r.mean(axis=0) if len(r) else np.zeros(vector.shape[1]) for r in rows])


def _widest(centred: Floats64) -> Floats64:
    """The map (p, at most 32) to the directions along which embeddings (n, p) vary most."""
    _, axes = np.linalg.eigh(centred.T @ centred)
    return np.asarray(axes[:, ::-1][:, :_WIDEST], np.float64)


def _liked_directions(white: Floats64, people: People, swipes: Swipes) -> Floats64:
    """For each gender, how a like goes with the place (3, r) of the photo it was given to."""
    gender = people.gender[swipes.candidate]
    found = np.zeros((len(GENDERS), white.shape[1]))
    for row, g in enumerate(GENDERS):
        of = np.flatnonzero(gender == g)
        if len(of):
            liked = swipes.liked[of] - swipes.liked[of].mean()
            total = np.bincount(swipes.candidate[of], liked, len(white))
            found[row] = total @ white / len(of)
    return found


def _without(directions: Floats64) -> Floats64:
    """A basis (r, r - rank) of what is orthogonal to the directions (k, r)."""
    _, sizes, rows = np.linalg.svd(directions, full_matrices=True)
    return np.asarray(rows[int((sizes > _NONE).sum()) :].T, np.float64)
