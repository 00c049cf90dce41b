"""What could be learned of a market by who knows its form: everybody's own numbers, from swipes.

Known are the sizes of its effects: what everybody likes in traits and photos, what the way is to
people in the mean, how far they differ in readiness, appeal and tastes, how tastes follow from
traits, and how tired people get. Not known are anybody's own part and hidden traits. The first is
found where it is most likely by all swipes at once, with how unsure it is there (Laplace). What
likes tell of a pair's chemistry is not used.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from simulator.choices import tiredness
from simulator.days import Day
from simulator.looks import NOBODY
from simulator.tastes import CHEMISTRIES, Market
from simulator.traits import TRAITS
from training.datasets import Swipes

_SEEN: Final = len(TRAITS)
_DIRECTIONS: Final = 12
"""Of tastes in photos, those in which people differ most: three quarters of the variance."""
_LEAST_GAIN: Final = 1e-7
_LOGISTIC: Final = (16.0 * np.sqrt(3.0) / (15.0 * np.pi)) ** 2
"""A logistic blurred by a normal of variance v is like one of sqrt(1 + _LOGISTIC v) its width."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Believed(Market):
    """A market as it most likely is, and how unsure that is: variances (n, 2 + k) of readiness,
    appeal and the k parts that a taste is made of, which count `by_part` (n, k) where somebody is
    the candidate; and of what nobody knows of a pair."""

    unsure: Floats
    by_part: Floats
    unknown: float

    def learnable(self, viewers: Ints, candidates: Ints) -> Floats:
        """Logits (m,) whose probabilities are the mean over all that may be."""
        x = self.readiness[viewers] + self.appeal[candidates]
        x += np.einsum("mk,mk->m", self.taste[viewers], self.trait[candidates])
        x -= self.nearness[viewers] * self.way(viewers, candidates)
        variance = self.unsure[viewers, 0] + self.unsure[candidates, 1] + self.unknown
        variance += np.einsum("mk,mk->m", self.unsure[viewers, 2:], self.by_part[candidates] ** 2)
        return np.asarray(x / np.sqrt(1.0 + _LOGISTIC * variance), np.float64)


class Beliefs:
    """What is most likely of a market's people by their swipes so far."""

    def __init__(self, market: Market, gender: Ints, bots: Bools, before: Swipes) -> None:
        """Of n people of genders (n,), of whom `bots` (n,) say nothing by their swipes; `before`:
        those before the first day."""
        self._market, self._people = market, ~bots
        self._form = _Form.of(market, gender)
        self._own = np.zeros((len(gender), self._form.width))
        fresh = np.zeros(len(before))
        self._swipes = [self._of(before.viewer, before.candidate, before.liked, fresh)]

    def learn(self, day: Day) -> None:
        """Swipes on a day's cards. Answers to likes are of who has chosen already whom to read."""
        cards = day.cards.take(day.seen)
        liked = day.swiped.liked[: len(cards.viewer)]
        tired = tiredness(cards.place)
        self._swipes.append(self._of(cards.viewer, cards.candidate, liked, tired))

    def market(self) -> Believed:
        """As it most likely is: without hidden traits, photos among what is seen."""
        told = self._told()
        self._own = self._form.fitted(told, self._own)
        return self._form.believed(self._market, self._own, self._form.unsure(told, self._own))

    def _of(self, viewer: Ints, candidate: Ints, liked: Bools, tired: Floats) -> "_Told":
        way = self._form.nearness * self._market.way(viewer, candidate)
        return _Told(viewer, candidate, liked, way + tired)

    def _told(self) -> "_Told":
        """All swipes of people."""
        columns = [
            np.concatenate([getattr(each, name) for each in self._swipes])
            for name in _Told.__dataclass_fields__
        ]
        kept = self._people[columns[0]]
        return _Told(*(column[kept] for column in columns))


@dataclass(frozen=True, slots=True, eq=False)
class _Told:
    """Swipes (m,), each put off by so many logits: how tired somebody was, and how far."""

    viewer: Ints
    candidate: Ints
    liked: Bools
    put_off: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """Of n people: `seen` (n, k), what tastes are about; what is expected of readiness (n,), appeal
    (n,) and taste (n, k); `spread`, how far readiness and appeal lie from it, and `differ` (k, k),
    by which k independent normals become a taste; `nearness`: what the way is to people in the
    mean; `unknown`: variance of what nobody can know."""

    seen: Floats
    readiness: Floats
    appeal: Floats
    taste: Floats
    spread: tuple[float, float]
    differ: Floats
    nearness: float
    unknown: float

    @classmethod
    def of(cls, market: Market, gender: Ints) -> Self:
        traits, shown = market.trait[:, :_SEEN], market.looks.shown()
        bent, directions, left = _photo_tastes(market, shown)
        tastes = np.hstack((market.taste[:, :_SEEN], bent))
        readiness = _expected(market.readiness, gender[:, None] == np.unique(gender))
        appeal = market.expected_appeal()
        taste = _expected(tastes, traits)
        values, vectors = np.linalg.eigh(np.cov((tastes - taste).T))
        hidden = market.taste[:, _SEEN:].var(axis=0) @ market.trait[:, _SEEN:].var(axis=0)
        return cls(
            np.hstack((traits, shown @ directions)),
            readiness,
            appeal,
            taste,
            (float(np.std(market.readiness - readiness)), float(np.std(market.appeal - appeal))),
            vectors * np.sqrt(np.maximum(values, 0.0)),
            float(market.nearness.mean()),
            float(hidden + left),
        )

    @property
    def width(self) -> int:
        """Of somebody's own numbers: readiness, appeal, taste."""
        return 2 + len(self.differ)

    @property
    def sharpness(self) -> float:
        """How much of a logit is left in swipes, which chemistry blurs too."""
        chemistry = sum(weight * value**2 for value, weight in CHEMISTRIES)
        return float(1.0 / np.sqrt(1.0 + _LOGISTIC * (self.unknown + chemistry)))

    def believed(self, market: Market, own: Floats, unsure: Floats) -> Believed:
        """With everybody's own numbers (n, width), in deviations, and their variances."""
        nothing = np.full_like(market.looks.drawing, NOBODY)
        return Believed(
            person=market.person,
            readiness=self.readiness + self.spread[0] * own[:, 0],
            appeal=self.appeal + self.spread[1] * own[:, 1],
            taste=self.taste + own[:, 2:] @ self.differ.T,
            trait=self.seen,
            nearness=np.full(len(own), self.nearness),
            home=market.home,
            looks=replace(market.looks, drawing=nothing),
            seed=market.seed,
            unsure=unsure * np.square([*self.spread, *np.ones(len(self.differ))]),
            by_part=self.seen @ self.differ,
            unknown=self.unknown,
        )

    def logits(self, told: _Told, own: Floats) -> Floats:
        """Of swipes (m,), as they are blurred."""
        viewer, candidate = told.viewer, told.candidate
        x = self.readiness[viewer] + self.spread[0] * own[viewer, 0] - told.put_off
        x += self.appeal[candidate] + self.spread[1] * own[candidate, 1]
        taste = self.taste + own[:, 2:] @ self.differ.T
        x += np.einsum("mk,mk->m", taste[viewer], self.seen[candidate])
        return np.asarray(self.sharpness * x, np.float64)

    def unlikely(self, told: _Told, own: Floats) -> tuple[float, Floats]:
        """How unlikely swipes and everybody's own numbers (n, width) are together, less a constant:
        in nats, and its slope (n, width)."""
        x = self.logits(told, own)
        loss = np.sum(np.logaddexp(0.0, x) - told.liked * x) + 0.5 * np.sum(own**2)
        return float(loss), own + self._gathered(told, self.sharpness * (expit(x) - told.liked), 1)

    def fitted(self, told: _Told, start: Floats) -> Floats:
        """The own numbers (n, width) that are most likely, looked for from `start` (n, width)."""

        def unlikely(flat: Floats) -> tuple[float, Floats]:
            loss, slope = self.unlikely(told, flat.reshape(start.shape))
            return loss, slope.ravel()

        found = minimize(unlikely, start.ravel(), jac=True, method="L-BFGS-B", tol=_LEAST_GAIN)
        return np.asarray(found.x, np.float64).reshape(start.shape)

    def unsure(self, told: _Told, own: Floats) -> Floats:
        """Variances (n, width) of own numbers, each as if the others were known."""
        p = expit(self.logits(told, own))
        return 1.0 / (1.0 + self._gathered(told, self.sharpness**2 * p * (1.0 - p), 2))

    def _gathered(self, told: _Told, of_swipes: Floats, power: int) -> Floats:
        """Of swipes (m,), for everybody (n, width): times by what each number counts there, to some
        power."""
        n = len(self.seen)
        by = np.empty((n, self.width))
        by[:, 0] = self.spread[0] ** power * np.bincount(told.viewer, of_swipes, n)
        by[:, 1] = self.spread[1] ** power * np.bincount(told.candidate, of_swipes, n)
        of_viewer = csr_array((of_swipes, (told.viewer, told.candidate)), (n, n))
        by[:, 2:] = np.asarray(of_viewer @ (self.seen @ self.differ) ** power)
        return by


def _expected(values: Floats, by: npt.NDArray[np.generic]) -> Floats:
    """What is expected of values (n, ...) by what is known (n, j): linear."""
    known = np.column_stack((np.ones(len(by)), by.astype(np.float64)))
    return np.asarray(known @ np.linalg.lstsq(known, values, rcond=None)[0], np.float64)


def _photo_tastes(market: Market, shown: Floats) -> tuple[Floats, Floats, float]:
    """Tastes (n, _DIRECTIONS) in photos along directions (VALUES, _DIRECTIONS) of what is shown
    (n, VALUES), and the variance of the logits that they leave out."""
    taste = market.looks.taste.astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(taste.T))
    real = values > 1e-9 * values[-1]
    root = vectors[:, real] * np.sqrt(values[real])
    weight, among = np.linalg.eigh(root.T @ np.cov(shown.T) @ root)
    most = among[:, -_DIRECTIONS:]
    bent = taste @ (vectors[:, real] / np.sqrt(values[real])) @ most
    return bent, root @ most, float(weight[:-_DIRECTIONS].sum())
