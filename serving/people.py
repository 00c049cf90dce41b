"""People as the scores need them: the release's tables, freshened from the feature store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from features.matrix import Matrix
from features.release import Release
from features.score import Sides
from serving.newcomers import Newcomers

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Persons:
    """m people by their rows in the release, -1 for people it does not know; all arrays (m,)."""

    ids: Ints
    rows: Ints
    gender: npt.NDArray[np.uint8]
    birth_day: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, at: Ints) -> Self:
        """The people at the given places, in that order."""
        return type(self)(self.ids[at], self.rows[at], self.gender[at], self.birth_day[at])

    def joined(self, others: "Persons") -> Self:
        """These people and then those."""
        return type(self)(
            np.concatenate((self.ids, others.ids)),
            np.concatenate((self.rows, others.rows)),
            np.concatenate((self.gender, others.gender)),
            np.concatenate((self.birth_day, others.birth_day)),
        )


@dataclass(frozen=True, slots=True)
class Fresh:
    """What the feature store has: taste (m, d), rates (m,); of e directions of photos, which may be
    none, taste and the person's own (m, e); NaN where it has nothing."""

    taste: Floats
    given_rate: Floats
    received_rate: Floats
    photo_taste: Floats
    photo: Floats

    @classmethod
    def of(cls, matrix: Matrix) -> Self:
        """From the release's views `factors` and `photos`."""
        columns = {name.partition(":")[2]: name for name in matrix.signature.columns}

        def read(name: str) -> Floats:
            if name not in columns:
                return np.zeros((len(matrix.values), 0), np.float32)
            # All that it reads are single floats, so this copies nothing.
            return matrix.of(columns[name]).astype(np.float32, copy=False)

        given, received = read("given_rate")[:, 0], read("received_rate")[:, 0]
        return cls(read("taste"), given, received, read("photo_taste"), read("embedding"))


def sides_of(
    release: Release,
    persons: Persons,
    today: int,
    fresh: Fresh | None = None,
    newcomers: Newcomers | None = None,
) -> Sides:
    """Fresh values over those of the release, over what is expected of `newcomers`: by their
    profile, or as the means of each one's gender and age band."""
    if newcomers is None:
        newcomers = Newcomers(release)
    tables = _tables(release, persons, today, newcomers)
    if fresh is not None:
        tables = {**tables, **_over(tables, fresh)}
    return Sides.of(**tables, gender=persons.gender, calibrations=release.manifest.calibration)


def _tables(
    release: Release, persons: Persons, today: int, newcomers: Newcomers
) -> dict[str, Floats]:
    names = ("taste", "appeal", "given_rate", "received_rate", "line")
    # Plain arrays: to take from a memory map itself costs 40 µs more.
    found = {
        name: np.asarray(getattr(release.arrays, name)).take(persons.rows, axis=0) for name in names
    }
    unknown = np.flatnonzero(persons.rows < 0)
    if len(unknown):
        new = persons.take(unknown)
        expected = newcomers.rows(new.ids, new.gender, new.birth_day, today)
        for name in names:
            found[name][unknown] = expected[name]
    return found


def _over(tables: Mapping[str, Floats], fresh: Fresh) -> dict[str, Floats]:
    """A person's fresh values replace the old ones only where all of them are there; of photos,
    where those are."""
    known = ~np.isnan(fresh.taste).any(axis=1) & (fresh.given_rate > 0) & (fresh.received_rate > 0)
    over = {
        "taste": np.where(known[:, None], _tastes(tables, fresh), tables["taste"]),
        "given_rate": np.where(known, fresh.given_rate, tables["given_rate"]),
        "received_rate": np.where(known, fresh.received_rate, tables["received_rate"]),
    }
    if fresh.photo.shape[1]:
        d = fresh.taste.shape[1]
        shown = np.where(np.isnan(fresh.photo), tables["appeal"][:, d:], fresh.photo)
        over["appeal"] = np.concatenate((tables["appeal"][:, :d], shown), axis=1)
    return over


def _tastes(tables: Mapping[str, Floats], fresh: Fresh) -> Floats:
    if not fresh.photo_taste.shape[1]:
        return fresh.taste
    d = fresh.taste.shape[1]
    in_photos = np.where(np.isnan(fresh.photo_taste), tables["taste"][:, d:], fresh.photo_taste)
    return np.concatenate((fresh.taste, in_photos), axis=1)
