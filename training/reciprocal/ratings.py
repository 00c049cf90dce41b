"""Ratings of people by people, the parts they are divided into, and the pairs that have both."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow.csv as pcsv

from training.factorisation.interactions import NoLikes, OutOfRange

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

GRADES: Final = 10
LIKED: Final = 8
"""A rating from here on is a like, as the published figures count."""
FILES: Final = ("train.csv.gz", "validation.csv.gz", "test.csv.gz")
_HELD_OUT: Final = 0.1


class NotARating(Exception):
    """A rating is no whole number from 1 to 10."""


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """m ratings among `people`: rater, rated (m,) int64 below `people`, rating (m,) 1 to 10.

    Raises OutOfRange and NotARating. Nobody needs to have rated or to have been rated.
    """

    people: int
    rater: Ints
    rated: Ints
    rating: Floats

    def __post_init__(self) -> None:
        for ids in (self.rater, self.rated):
            if len(ids) and (ids.min() < 0 or ids.max() >= self.people):
                raise OutOfRange(f"ids from {ids.min()} to {ids.max()}, of {self.people}")
        # NaN is not in 1 to 10 either.
        whole = (self.rating >= 1) & (self.rating <= GRADES) & (self.rating % 1 == 0)
        if not whole.all():
            raise NotARating(f"{np.count_nonzero(~whole)} of {len(whole)}")

    @classmethod
    def of(
        cls, people: int, rater: npt.ArrayLike, rated: npt.ArrayLike, rating: npt.ArrayLike
    ) -> Self:
        """From anything like arrays."""
        ids = [np.asarray(each, np.int64) for each in (rater, rated)]
        return cls(people, ids[0], ids[1], np.asarray(rating, np.float64))

    def __len__(self) -> int:
        return len(self.rater)

    @property
    def liked(self) -> Bools:
        """Which of them are likes (m,)."""
        return np.asarray(self.rating >= LIKED)

    @property
    def pair(self) -> Ints:
        """A number for each unordered pair (m,); the same for both directions."""
        low, high = np.minimum(self.rater, self.rated), np.maximum(self.rater, self.rated)
        return np.asarray(low * self.people + high, np.int64)

    def take(self, rows: Ints | Bools) -> "Ratings":
        """Some of them."""
        return Ratings(self.people, self.rater[rows], self.rated[rows], self.rating[rows])

    def of_both(self) -> "Sides":
        """The pairs of which both directions are here."""
        order = np.lexsort((self.rater, self.pair))
        same = np.flatnonzero(np.diff(self.pair[order]) == 0)
        return Sides(order[same], order[same + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Rows (k,) of ratings: `there` by the one with the lower id, the viewer, and `back`."""

    there: Ints
    back: Ints


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What is learned from, what is tuned by and what is judged by; no pair is in two of them."""

    train: Ratings
    validation: Ratings
    test: Ratings

    @classmethod
    def read(cls, folder: Path) -> Self:
        """LibímSeTi's split as it comes: Brožovský & Petříček, Znalosti 2007."""
        tables = [pcsv.read_csv(folder / name) for name in FILES]
        columns = [
            [table[name].to_numpy() for name in ("rater", "rated", "rating")] for table in tables
        ]
        people = 1 + max(int(ids.max()) for each in columns for ids in each[:2])
        return cls(*(Ratings.of(people, *each) for each in columns))

    def known(self) -> Ratings:
        """Train and validation: what is learned from before the test."""
        return joined(self.train, self.validation)

    def again(self, seed: int) -> "Parts":
        """All ratings divided anew, a tenth of the pairs each for validation and test.

        Both directions of a pair always come into the same part.
        """
        everything = joined(self.known(), self.test)
        pairs, which = np.unique(everything.pair, return_inverse=True)
        place = np.random.default_rng(seed).permutation(len(pairs))[which] / len(pairs)
        validation, test = place < _HELD_OUT, place >= 1.0 - _HELD_OUT
        rows = (~validation & ~test, validation, test)
        return Parts(*(everything.take(each) for each in rows))


def joined(one: Ratings, other: Ratings) -> Ratings:
    """Both, one after the other."""
    names = ("rater", "rated", "rating")
    columns = (np.concatenate((getattr(one, name), getattr(other, name))) for name in names)
    return Ratings(max(one.people, other.people), *columns)


def require_likes(ratings: Ratings) -> None:
    """Raises NoLikes if there is none: there is no taste to learn, and nothing to calibrate by."""
    if not ratings.liked.any():
        raise NoLikes(f"{len(ratings)} ratings, none of them {LIKED} or more")
