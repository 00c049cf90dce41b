"""What could be learned of a market by who knows its form: everybody's own numbers, from swipes.

Known are the sizes of its effects: what everybody likes in traits and photos, how far people differ
in readiness, appeal and tastes, and how tastes follow from traits. Not known are anybody's own part
and hidden traits. The first is found where it is most likely by all swipes at once.
"""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import expit

from simulator.days import Swiped
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


class Beliefs:
    """What is most likely of a market's people by their swipes so far."""

    def __init__(self, market: Market, gender: Ints, bots: Bools, before: Swipes) -> None:
        """Of n people of genders (n,), of whom `bots` (n,) say nothing by their swipes; `before`:
        those before the first day."""
        self._market, self._people = market, ~bots
        self._form = _Form.of(market, gender)
        self._own = np.zeros((len(gender), self._form.width))
        self._swipes = [(before.viewer, before.candidate, before.liked)]

    def learn(self, swiped: Swiped) -> None:
        """Some more swipes."""
        self._swipes.append((swiped.viewer, swiped.candidate, swiped.liked))

    def market(self) -> Market:
        """The market that is most likely: without hidden traits, photos among those seen."""
        viewer, candidate, liked = (
            np.concatenate(each) for each in zip(*self._swipes, strict=True)
        )
        told = self._people[viewer]
        self._own = self._form.fitted(viewer[told], candidate[told], liked[told], self._own)
        return self._form.market(self._market, self._own)


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    """Of n people: `seen` (n, k), what tastes are about; what is expected of readiness (n,), appeal
    (n,) and taste (n, k); `spread`, how far readiness and appeal lie from it, and `differ` (k, k),
    by which k independent normals become a taste; `sharpness`: how much of a logit is left in
    swipes, blurred by what nobody can know."""

    seen: Floats
    readiness: Floats
    appeal: Floats
    taste: Floats
    spread: tuple[float, float]
    differ: Floats
    sharpness: float

    @classmethod
    def of(cls, market: Market, gender: Ints) -> Self:
        traits, shown = market.trait[:, :_SEEN], market.looks.shown()
        bent, directions, left = _photo_tastes(market, shown)
        seen = np.hstack((traits, shown @ directions))
        tastes = np.hstack((market.taste[:, :_SEEN], bent))
        readiness = _expected(market.readiness, gender[:, None] == np.unique(gender))
        appeal = _expected(market.appeal, seen)
        taste = _expected(tastes, traits)
        values, vectors = np.linalg.eigh(np.cov((tastes - taste).T))
        hidden = market.taste[:, _SEEN:].var(axis=0) @ market.trait[:, _SEEN:].var(axis=0)
        chemistry = sum(weight * value**2 for value, weight in CHEMISTRIES)
        return cls(
            seen,
            readiness,
            appeal,
            taste,
            (float(np.std(market.readiness - readiness)), float(np.std(market.appeal - appeal))),
            vectors * np.sqrt(np.maximum(values, 0.0)),
            float(1.0 / np.sqrt(1.0 + _LOGISTIC * (hidden + left + chemistry))),
        )

    @property
    def width(self) -> int:
        """Of somebody's own numbers: readiness, appeal, taste."""
        return 2 + len(self.differ)

    def market(self, market: Market, own: Floats) -> Market:
        """With everybody's own numbers (n, width), in deviations."""
        nothing = np.full_like(market.looks.drawing, NOBODY)
        return replace(
            market,
            readiness=self.readiness + self.spread[0] * own[:, 0],
            appeal=self.appeal + self.spread[1] * own[:, 1],
            taste=self.taste + own[:, 2:] @ self.differ.T,
            trait=self.seen,
            looks=replace(market.looks, drawing=nothing),
        )

    def fitted(self, viewer: Ints, candidate: Ints, liked: Bools, start: Floats) -> Floats:
        """Everybody's own numbers (n, width) by swipes (m,), looked for from `start` (n, width)."""
        n, m = len(start), len(viewer)
        told = (self.seen @ self.differ)[candidate]
        expected = self.readiness[viewer] + self.appeal[candidate]
        expected += np.einsum("mk,mk->m", self.taste[viewer], self.seen[candidate])
        of_viewer = csr_array((np.ones(m), (viewer, np.arange(m))), (n, m))

        def unlikely(flat: Floats) -> tuple[float, Floats]:
            own = flat.reshape(n, self.width)
            x = expected + self.spread[0] * own[viewer, 0] + self.spread[1] * own[candidate, 1]
            x += np.einsum("mk,mk->m", own[viewer, 2:], told)
            x *= self.sharpness
            loss = np.sum(np.logaddexp(0.0, x) - liked * x) + 0.5 * np.sum(flat**2)
            slope = self.sharpness * (expit(x) - liked)
            by_own = np.empty_like(own)
            by_own[:, 0] = self.spread[0] * np.bincount(viewer, slope, n)
            by_own[:, 1] = self.spread[1] * np.bincount(candidate, slope, n)
            by_own[:, 2:] = of_viewer @ (slope[:, None] * told)
            return float(loss), (by_own + own).ravel()

        found = minimize(unlikely, start.ravel(), jac=True, method="L-BFGS-B", tol=_LEAST_GAIN)
        return np.asarray(found.x, np.float64).reshape(n, self.width)


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
