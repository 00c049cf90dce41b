"""People whom a release does not know, as it expects such people to be: by what they say of
themselves where that was heard, else by the means of their gender and age band."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.behaviour import bands
from features.cold_start_rows import cold_start_dtype
from features.profile_code import Profiles
from features.release import Release

Ints = npt.NDArray[np.int64]
Table = npt.NDArray[np.void]


class Newcomers:
    """Of one release; to be used from one thread. Some 200 bytes a newcomer."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._rows: dict[int, np.void] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def hear(self, ids: Ints, profiles: Profiles) -> None:
        """What people (p,) say, who are new or said something else before. Of people of the release
        it keeps nothing: their rows say more."""
        new = np.flatnonzero(self._release.rows_of(ids) < 0)
        if not len(new):
            return
        expected = self._release.expected(taken(profiles, new))
        self._rows.update(zip(ids[new].tolist(), expected, strict=True))

    def forget(self, person: int) -> None:
        """Whoever was erased."""
        self._rows.pop(person, None)

    def rows(self, ids: Ints, gender: npt.ArrayLike, birth_day: npt.ArrayLike, today: int) -> Table:
        """Rows (m,) of cold_start_dtype of people (m,) whom the release does not know."""
        means = np.array(self._release.arrays.cold_start[bands(gender, birth_day, today)])
        for place, person in enumerate(ids.tolist()):
            row = self._rows.get(person)
            if row is not None:
                means[place] = row
        return np.asarray(means, cold_start_dtype(self._release.manifest.width))


def taken(profiles: Profiles, at: Ints) -> Profiles:
    """The profiles at the given places."""
    return Profiles(
        gender=profiles.gender[at],
        birth_day=profiles.birth_day[at],
        height_cm=profiles.height_cm[at],
        body_type=_of(profiles.body_type, at),
        attributes=[profiles.attributes[place] for place in at.tolist()],
    )


def _of(values: Sequence[str | None], at: Ints) -> list[str | None]:
    return [values[place] for place in at.tolist()]
