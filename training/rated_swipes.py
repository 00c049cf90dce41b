"""Ratings of real people (LibímSeTi) as swipes: a like is a rating of 8 or more.

There are no profiles, no genders and no times: people are all of one gender and age, and the order
of ratings is drawn.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS
from features.eligibility import PERSON_DTYPE
from features.fold_in import LIKE, PASS
from features.prices import USUAL_EXPOSURE
from features.profile_code import ProfileCode
from training.datasets import Swipes
from training.reciprocal.ratings import FILES, Parts, Ratings, joined
from training.snapshot import People

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def rating_files(folder: Path) -> tuple[Path, ...]:
    """The files that `read_ratings` reads."""
    return tuple(folder / name for name in FILES)


def read_ratings(folder: Path) -> Ratings:
    """The ratings of all three parts. Raises FileNotFoundError."""
    parts = Parts.read(folder)
    return joined(parts.known(), parts.test)


def folds(ratings: Ratings, count: int, rng: np.random.Generator) -> Ints:
    """A fold (m,) of 0..count-1 for each rating; both directions of a pair are in one."""
    _, pair = np.unique(ratings.pair, return_inverse=True)
    of_pair = rng.permutation(int(pair.max()) + 1) % count
    return np.asarray(of_pair[pair], np.int64)


def as_swipes(ratings: Ratings, rows: Bools, rng: np.random.Generator) -> Swipes:
    """The ratings of the mask (m,) as swipes, in a drawn order."""
    drawn = ratings.take(rng.permutation(np.flatnonzero(rows)))
    action = np.where(drawn.liked, LIKE, PASS).astype(np.uint8)
    when = np.arange(len(drawn), dtype=np.int64)
    unknown = np.full(len(drawn), np.nan, np.float32)
    return Swipes(drawn.rater, drawn.rated, action, when, unknown)


def people_without_profiles(count: int) -> People:
    """`count` people of whom nothing is known: one gender, one band, no attributes."""
    table = np.zeros(count, PERSON_DTYPE)
    table["person_id"], table["gender"] = np.arange(count), GENDERS[0]
    return People(
        table=table,
        cell=np.zeros(count, np.uint64),
        band=np.zeros(count, np.int64),
        attributes=np.zeros((count, 0), np.float32),
        code=ProfileCode((), (), ()),
        exposure=np.full(count, USUAL_EXPOSURE, np.float32),
    )
