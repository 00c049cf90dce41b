"""Ratings of real people (LibímSeTi) as swipes: a like is a rating of 8 or more.

There are no profiles, no genders and no times: people are all of one gender and age, and the order
of ratings is drawn.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as pcsv

from features.behaviour import GENDERS
from features.eligibility import PERSON_DTYPE
from features.fold_in import LIKE, PASS
from features.profile_code import ProfileCode
from training.datasets import Swipes
from training.snapshot import People

Ints = npt.NDArray[np.int64]

PARTS: Final = ("train", "validation", "test")
_LIKED: Final = 8


def rating_files(folder: Path) -> tuple[Path, ...]:
    """The files that `Ratings.read` reads."""
    return tuple(folder / f"{part}.csv.gz" for part in PARTS)


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """m ratings of n people: rater, rated, rating 1..10, and the part of PARTS; each (m,)."""

    rater: Ints
    rated: Ints
    rating: Ints
    part: Ints
    people: int

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The three parts. Raises FileNotFoundError."""
        tables = [pcsv.read_csv(path) for path in rating_files(folder)]
        part = np.repeat(np.arange(len(tables)), [table.num_rows for table in tables])
        ratings = pa.concat_tables(tables)
        names = ("rater", "rated", "rating")
        rater, rated, rating = (ratings[name].to_numpy().astype(np.int64) for name in names)
        return cls(rater, rated, rating, part, int(max(rater.max(), rated.max())) + 1)

    def folds(self, count: int, rng: np.random.Generator) -> Ints:
        """A fold (m,) of 0..count-1 for each rating; both directions of a pair are in one."""
        low, high = np.minimum(self.rater, self.rated), np.maximum(self.rater, self.rated)
        _, pair = np.unique(low * self.people + high, return_inverse=True)
        of_pair = rng.permutation(int(pair.max()) + 1) % count
        return np.asarray(of_pair[pair], np.int64)

    def swipes(self, rows: npt.NDArray[np.bool_], rng: np.random.Generator) -> Swipes:
        """The ratings of the mask (m,) as swipes, in a drawn order."""
        at = rng.permutation(np.flatnonzero(rows))
        action = np.where(self.rating[at] >= _LIKED, LIKE, PASS).astype(np.uint8)
        when = np.arange(len(at), dtype=np.int64)
        unknown = np.full(len(at), np.nan, np.float32)
        return Swipes(self.rater[at], self.rated[at], action, when, unknown)


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
    )
