"""Decisions about a deck: who asks, who may still be shown, with which probability. Pure."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, Viewer, age, distance_km, eligible, viewer_of
from features.person_row import PersonHeads
from features.plackett_luce import log_propensities

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

FALLBACK_POLICY: Final = "fallback"
DISTANCE_BUCKETS_KM: Final = (2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 20100)
ADULT: Final = 18
_UNSET_YEARS: Final = 10
_EVERY_GENDER: Final = 0b1110
_OPEN_AGES: Final = (18, 120)


class ProfileMissing(Exception):
    """The viewer has no profile yet, so nobody can be judged eligible."""


class LocationMissing(Exception):
    """The viewer never said where they are."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request narrows; it can never widen the stored preferences. km, years.

    A distance counts as the largest bucket within it, the smallest at least: limits in finer steps
    would tell by who falls out how far away somebody is.
    """

    age_min: int | None = None
    age_max: int | None = None
    max_distance_km: float | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """The viewer as a party to the constraints, and where they are in degrees."""

    viewer: Viewer
    latitude: float
    longitude: float


def asker_of(heads: PersonHeads, filters: Filters, today: int) -> Asker:
    """The viewer from the head of their row (1,). Raises ProfileMissing, LocationMissing."""
    if not heads.present[0]:
        raise ProfileMissing
    viewer = viewer_of(heads.people, 0)
    latitude, longitude = (float(heads.head[name][0]) for name in ("latitude", "longitude"))
    if viewer.x == viewer.y == viewer.z == 0.0 or not np.isfinite([latitude, longitude]).all():
        raise LocationMissing
    asked_km = filters.max_distance_km
    narrowed = with_defaults(viewer, today).tightened(
        filters.age_min, filters.age_max, None if asked_km is None else bucket_within(asked_km)
    )
    return Asker(narrowed, latitude, longitude)


def bucket_within(km: float) -> int:
    """The largest bucket that reaches no further than `km`, or the smallest of all."""
    place = bisect.bisect_right(DISTANCE_BUCKETS_KM, km) - 1
    return DISTANCE_BUCKETS_KM[max(0, place)]


def with_defaults(viewer: Viewer, today: int) -> Viewer:
    """Somebody who never said whom they seek is shown those who seek them, of about their age."""
    if viewer.seeks:
        return viewer
    open_viewer = replace(viewer, seeks=_EVERY_GENDER)
    if (viewer.age_min, viewer.age_max) != _OPEN_AGES:
        return open_viewer
    years = age(viewer.birth_day, today)
    return open_viewer.tightened(max(ADULT, years - _UNSET_YEARS), years + _UNSET_YEARS)


@dataclass(frozen=True, slots=True)
class Looked:
    """What was true of candidates (m,) after the request began; heads and masks in their order."""

    ids: Ints
    heads: PersonHeads
    swiped: Mask
    blocked: Mask
    withdrawn: Mask

    def standing(self, viewer: Viewer, today: int) -> Mask:
        """Who (m,) may be shown now: every constraint in both directions, on fresh rows."""
        mask = eligible(viewer, Candidates.of(self.heads.people), today)
        return np.asarray(mask & ~(self.swiped | self.blocked | self.withdrawn), np.bool_)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The candidates of all parts, one after the other; at least one part."""
        return cls(
            np.concatenate([part.ids for part in parts]),
            PersonHeads(
                np.concatenate([part.heads.head for part in parts]),
                np.concatenate([part.heads.present for part in parts]),
            ),
            np.concatenate([part.swiped for part in parts]),
            np.concatenate([part.blocked for part in parts]),
            np.concatenate([part.withdrawn for part in parts]),
        )

    def take(self, at: Ints) -> Self:
        """The candidates at the given places, in that order."""
        return type(self)(
            self.ids[at],
            PersonHeads(self.heads.head[at], self.heads.present[at]),
            self.swiped[at],
            self.blocked[at],
            self.withdrawn[at],
        )


def propensities(scores: npt.NDArray[np.float64], tau: float, size: int) -> list[float]:
    """Probability of each of the first `size` cards in its place, given those above.

    `scores` (m,) are those of all that passed the last look, in the order of the draw: leaving out
    the others leaves a Plackett-Luce draw among these.
    """
    if not len(scores):
        return []
    found: list[float] = np.exp(log_propensities(scores, tau)[:size]).tolist()
    return found


def bucket_km(viewer: Viewer, people: npt.NDArray[np.void]) -> list[int]:
    """The distance (m,) of people as the bound of its bucket: nearer than that, never exact."""
    xyz = np.column_stack((people["x"], people["y"], people["z"]))
    km = distance_km(np.array((viewer.x, viewer.y, viewer.z)), xyz).tolist()
    last = len(DISTANCE_BUCKETS_KM) - 1
    places = (min(last, bisect.bisect_right(DISTANCE_BUCKETS_KM, each)) for each in km)
    return [DISTANCE_BUCKETS_KM[place] for place in places]
