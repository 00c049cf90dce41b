"""The moments of real taste that a simulated market has to have, and how they are measured.

The same function measures real ratings (LibímSeTi) and simulated ones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

_SHRINK: Final = 3.0
"""Ridge on the two biases: a person's own noise does not count as their standing."""
_ROUNDS: Final = 60
_AT_LEAST: Final = 20
_DECILES: Final = (0.1, 0.3, 0.5, 0.7, 0.9)

RATING_SHARES: Final = (0.136, 0.065, 0.054, 0.060, 0.105, 0.093, 0.122, 0.109, 0.076, 0.180)
"""How often each of the ratings 1..10 is given on LibímSeTi."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Moments:
    """Shares of the variance of ratings: of the rated person, of the rater, of the rest; the
    correlation of the rest in the two directions of a pair; the odds ratio of their two likes;
    deciles 1, 3, 5, 7, 9 of the share of likes that people give and receive."""

    rated: float
    rater: float
    rest: float
    reciprocity: float
    odds_ratio: float
    given: tuple[float, ...]
    received: tuple[float, ...]


REAL: Final = Moments(
    rated=0.39,
    rater=0.08,
    rest=0.46,
    reciprocity=0.17,
    odds_ratio=1.98,
    given=(0.15, 0.25, 0.35, 0.46, 0.62),
    received=(0.05, 0.16, 0.29, 0.46, 0.78),
)
"""LibímSeTi's 2,000 busiest raters, 88,137 ratings, like = rating of 8 or more."""


def measure(rater: Ints, rated: Ints, rating: Floats, liked: npt.NDArray[np.bool_]) -> Moments:
    """Moments of ratings (m,) given by people `rater` (m,) to people `rated` (m,)."""
    people = int(max(rater.max(), rated.max())) + 1
    of_rater, of_rated = _biases(rater, rated, rating, people)
    rest = rating - rating.mean() - of_rater[rater] - of_rated[rated]
    there, back = _both_ways(rater, rated, people)
    return Moments(
        rated=float(of_rated[rated].var() / rating.var()),
        rater=float(of_rater[rater].var() / rating.var()),
        rest=float(rest.var() / rating.var()),
        reciprocity=float(np.corrcoef(rest[there], rest[back])[0, 1]),
        odds_ratio=_odds_ratio(liked[there], liked[back]),
        given=_shares(rater, liked, people),
        received=_shares(rated, liked, people),
    )


def as_ratings(latent: Floats) -> Floats:
    """Ratings 1..10 (m,) in the order of `latent` (m,), each as often as on LibímSeTi."""
    edges = np.quantile(latent, np.cumsum(RATING_SHARES)[:-1])
    return np.asarray(np.searchsorted(edges, latent, side="right") + 1, np.float64)


def _biases(rater: Ints, rated: Ints, rating: Floats, people: int) -> tuple[Floats, Floats]:
    gave = np.bincount(rater, minlength=people) + _SHRINK
    got = np.bincount(rated, minlength=people) + _SHRINK
    centred = rating - rating.mean()
    of_rater = np.zeros(people)
    of_rated = np.zeros(people)
    for _ in range(_ROUNDS):
        of_rated = np.bincount(rated, centred - of_rater[rater], people) / got
        of_rater = np.bincount(rater, centred - of_rated[rated], people) / gave
    return of_rater, of_rated


def _both_ways(rater: Ints, rated: Ints, people: int) -> tuple[Ints, Ints]:
    """Places of the ratings whose reverse exists too, and the places of their reverses."""
    key, reverse = rater * people + rated, rated * people + rater
    order = np.argsort(key)
    found = np.minimum(np.searchsorted(key, reverse, sorter=order), len(key) - 1)
    there = np.flatnonzero(key[order[found]] == reverse)
    return there, order[found[there]]


def _odds_ratio(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> float:
    agree = int(np.sum(one & other)) * int(np.sum(~one & ~other))
    differ = int(np.sum(one & ~other)) * int(np.sum(~one & other))
    return agree / max(1, differ)


def _shares(person: Ints, liked: npt.NDArray[np.bool_], people: int) -> tuple[float, ...]:
    seen = np.bincount(person, minlength=people)
    likes = np.bincount(person, liked, people)
    enough = seen >= _AT_LEAST
    return tuple(np.quantile(likes[enough] / seen[enough], _DECILES).tolist())
