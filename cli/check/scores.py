"""The final score of any pair, by DESIGN §3's formula, from a release's own tables."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli.check.world import World
from features.keyed import Store
from features.reader import read
from features.release import Release
from features.views import factors

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """One row a person of the check's world; tables already in the world's order.

    `k`, `w_given`, `w_received` and `intercept` are those of each person's gender as viewer; (n,).
    """

    taste: NDArray[np.float32]
    appeal: NDArray[np.float32]
    given_logit: Floats
    received_logit: Floats
    k: Floats
    w_given: Floats
    w_received: Floats
    intercept: Floats

    def final(self, row: int, rows: NDArray[np.int64]) -> Floats:
        """log P(u likes v) + log P(v likes u) for u in `row` and each v of `rows`; (len(rows),)."""
        there = (
            self.k[row] * (self.appeal[rows] @ self.taste[row])
            + self.w_given[row] * self.given_logit[row]
            + self.w_received[row] * self.received_logit[rows]
            + self.intercept[row]
        )
        back = (
            self.k[rows] * (self.taste[rows] @ self.appeal[row])
            + self.w_given[rows] * self.given_logit[rows]
            + self.w_received[rows] * self.received_logit[row]
            + self.intercept[rows]
        )
        result: Floats = -np.logaddexp(0, -there) - np.logaddexp(0, -back)
        return result


_CHUNK = 5000


async def read_scores(store: Store, release_id: str, release: Release, world: World) -> Scores:
    """Everyone's side of the formula: taste and rates as online now, the rest from the release.

    People who joined after the release are scored by nothing here: they get zeros and so are
    never among the best, which is what the check of the *release* is about.
    """
    person = world.people.person
    view, d = factors(release_id), release.manifest.d
    taste = np.zeros((len(person), d), np.float32)
    given, received = np.full((2, len(person)), 0.5)
    for start in range(0, len(person), _CHUNK):
        part = slice(start, start + _CHUNK)
        rows = (await read(store, [view], person[part], widths={"taste": d}))[view.name]
        taste[part] = np.nan_to_num(rows.lists("taste"))
        given[part] = np.nan_to_num(rows.numbers("given_rate"), nan=0.5)
        received[part] = np.nan_to_num(rows.numbers("received_rate"), nan=0.5)
    return _scores(release, world, taste, given, received)


def release_scores(release: Release, world: World) -> Scores:
    """Everyone's side of the formula as the release has it: what is online too, as long as nobody
    has swiped since. Everybody must be in the release."""
    at, a = release.rows_of(world.people.person), release.arrays
    given, received = (np.asarray(rate[at], np.float64) for rate in (a.given_rate, a.received_rate))
    return _scores(release, world, a.taste[at], given, received)


def _scores(
    release: Release, world: World, taste: NDArray[np.float32], given: Floats, received: Floats
) -> Scores:
    person, gender = world.people.person, world.people.gender
    at = release.rows_of(person)
    appeal = np.where((at >= 0)[:, None], release.arrays.appeal[np.maximum(at, 0)], 0)
    by_gender = np.zeros((4, 4))
    for number, c in release.manifest.calibration.items():
        by_gender[number] = c.k, c.w_given, c.w_received, c.intercept
    k, w_given, w_received, intercept = by_gender[gender].T
    return Scores(
        taste=taste,
        appeal=appeal.astype(np.float32),
        given_logit=np.log(given / (1 - given)),
        received_logit=np.log(received / (1 - received)),
        k=k,
        w_given=w_given,
        w_received=w_received,
        intercept=intercept,
    )
