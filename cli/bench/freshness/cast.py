"""Who does what in the benchmark of freshness: people near one place, each in one role at most."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench.deck.population import Served
from cli.bench.world.population import people_around
from contracts.ranking import Constraints
from features.eligibility import Candidates, Viewer, eligible

Ints = npt.NDArray[np.int64]

_KM: Final = 50.0
_AGE_DAYS: Final = 31 * 365
_WOMAN: Final = 2
_EVERYBODY: Final = 0b1110
# Viewers looked at in search of the densest place.
_LOOKED_AT: Final = 200


@dataclass(frozen=True, slots=True)
class Place:
    """Degrees."""

    latitude: float
    longitude: float

    @property
    def antipode(self) -> "Place":
        """As far away as it gets."""
        return Place(-self.latitude, (self.longitude + 360.0) % 360.0 - 180.0)


@dataclass(frozen=True, slots=True)
class Cast:
    """`home`: where most people are; `watched`: who is found there by the watcher of `constraints`.

    `movers` are among the watched, and so are those who may be banned, `bannable`; `viewers` swipe,
    and see decks; `others` are the first so many ids, whose swipes are the load beside.
    """

    home: Place
    movers: list[int]
    bannable: frozenset[int]
    viewers: list[int]
    others: int
    newcomers: list[int]
    today: int

    def constraints(self, place: Place) -> Constraints:
        """Of a watcher at a place, whom nearly everybody there suits."""
        return Constraints(
            latitude=place.latitude,
            longitude=place.longitude,
            birth_day=self.today - _AGE_DAYS,
            gender=_WOMAN,
            seeks_mask=_EVERYBODY,
            age_min=18,
            age_max=99,
            max_distance_km=_KM,
        )


def cast_of(served: Served, events: int) -> Cast:
    """Roles for so many events of each kind, or fewer where there are not enough people."""
    population = served.population
    ids = population.person_id
    home = _densest(served)
    watcher = _watcher(home, population.today)
    found = np.flatnonzero(eligible(watcher, Candidates.of(population.table), population.today))
    others = len(population) // 2
    watched = np.random.default_rng(len(ids)).permutation(ids[found])
    movers = watched[: min(events, len(watched) // 3)]
    bannable = np.setdiff1d(watched, movers)
    # By how near they are: the cards of their decks are among the watched.
    order = np.argsort(_away(served, home), kind="stable")
    near = np.asarray(served.viewer_ids, np.int64)[order]
    near = near[(near > others) & ~np.isin(near, watched)]
    return Cast(
        home=home,
        movers=movers.tolist(),
        bannable=frozenset(bannable.tolist()),
        viewers=near[: max(events, 20)].tolist(),
        others=others,
        newcomers=list(range(len(ids) + 1, len(ids) + 1 + events)),
        today=population.today,
    )


def _densest(served: Served) -> Place:
    rows = served.viewers[:_LOOKED_AT]
    row = rows[np.argmax(people_around(served.population, rows, _KM))]
    return Place(float(served.population.latitude[row]), float(served.population.longitude[row]))


def _watcher(place: Place, today: int) -> Viewer:
    return Viewer.at(
        0,
        place.latitude,
        place.longitude,
        birth_day=today - _AGE_DAYS,
        gender=_WOMAN,
        seeks=_EVERYBODY,
        age_min=18,
        age_max=99,
        max_distance_km=_KM,
    )


def _away(served: Served, place: Place) -> npt.NDArray[np.float64]:
    """Squared chords (v,) from the viewers to a place."""
    table = served.population.table[served.viewers]
    watcher = _watcher(place, served.population.today)
    away = [(table[axis] - getattr(watcher, axis)) ** 2 for axis in "xyz"]
    return np.asarray(sum(away), np.float64)
