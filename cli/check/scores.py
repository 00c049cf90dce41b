"""The final score of any pair by a release's ranker, from its own tables and nobody's index."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cli.check.world import World
from features.keyed import Store
from features.likers import sure
from features.prices import Prices
from features.ranker import heads_of
from features.reader import read
from features.release import Release
from features.score import Sides
from features.views import factors, photos

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Everybody of the check's world (n,), in its order, with their prices, and the release."""

    person: Ints
    sides: Sides
    prices: Prices
    release: Release

    def models(self, row: int, rows: Ints) -> tuple[Floats, Floats]:
        """Log expected match (m,) of the person in `row` and each of `rows` (m,), by the models
        alone, and the same less the price of those (m,)."""
        heads = heads_of(self.release.ranker, self.sides.take([row]), self.sides.take(rows))
        return heads.log_match(), heads.priced(self.prices.take(rows))

    def final(self, row: int, rows: Ints, liked: NDArray[np.bool_]) -> Floats:
        """What orders decks (m,): the same with answers of before, from whose like waits (m,) and
        who had passed on the person when the release was made."""
        others = self.sides.take(rows)
        heads = heads_of(self.release.ranker, self.sides.take([row]), others)
        (at,) = self.release.rows_of(self.person[[row]]).tolist()
        passed = self.release.passed_by(at) if at >= 0 else self.person[:0]
        has_passed = np.isin(self.person[rows], passed) & ~liked
        return heads.priced(self.prices.take(rows), sure(others, liked), has_passed)


_CHUNK = 5000


async def read_scores(store: Store, release_id: str, release: Release, world: World) -> Scores:
    """Everyone's side of the formula: taste and rates as online now, the rest from the release.

    People who joined after the release are scored by nothing here: they get zeros and so are
    never among the best, which is what the check of the *release* is about.
    """
    person = world.people.person
    d, e = release.manifest.d, release.manifest.e
    view, of_photos = factors(release_id), photos(release_id)
    views = [view, of_photos] if e else [view]
    widths = {"taste": d, "photo_taste": e, "embedding": e}
    taste, photo = np.zeros((len(person), d + e), np.float32), np.zeros((len(person), e), "f4")
    given, received = np.full((2, len(person)), 0.5, np.float32)
    for start in range(0, len(person), _CHUNK):
        part = slice(start, start + _CHUNK)
        found = await read(store, views, person[part], widths=widths)
        rows = found[view.name]
        taste[part, :d] = np.nan_to_num(rows.lists("taste"))
        if e:
            taste[part, d:] = np.nan_to_num(found[of_photos.name].lists("photo_taste"))
            photo[part] = np.nan_to_num(found[of_photos.name].lists("embedding"))
        given[part] = np.nan_to_num(rows.numbers("given_rate"), nan=0.5)
        received[part] = np.nan_to_num(rows.numbers("received_rate"), nan=0.5)
    return _scores(release, world, taste, photo, given, received)


def release_scores(release: Release, world: World) -> Scores:
    """Everyone's side of the formula as the release has it: what is online too, as long as nobody
    has swiped since. Everybody must be in the release."""
    at, a = release.rows_of(world.people.person), release.arrays
    photo = a.appeal[at][:, release.manifest.d :]
    return _scores(release, world, a.taste[at], photo, a.given_rate[at], a.received_rate[at])


def _scores(
    release: Release, world: World, taste: Floats, photo: Floats, given: Floats, received: Floats
) -> Scores:
    at = release.rows_of(world.people.person)
    known = at >= 0
    appeal = np.where(known[:, None], release.arrays.appeal[at], np.float32(0.0))
    appeal[:, release.manifest.d :] = photo
    line = np.zeros((len(at), 2), np.float32)
    genders, calibrations = world.people.gender, release.manifest.calibration
    sides = Sides.of(taste, appeal, given, received, line, genders, calibrations)
    return Scores(world.people.person, sides, release.prices_of(at), release)
