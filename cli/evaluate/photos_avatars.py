"""Hidden tastes and likes on avatars that no network has seen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.photos_baselines import baselines
from cli.evaluate.photos_learned import Bools, Ints, Learned, Swiped
from cli.evaluate.photos_ridge import explained, kernel_of
from cli.evaluate.plan import Found, Say
from training.ranker.measures import Bootstrap, auc

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

TASK: Final = "photos-avatars"
OURS: Final = "gravity"
_TASTES: Final = 60
_REFERENCE: Final = 0.52
_DRAWS: Final = 400
_MOST_VIEWERS: Final = 4_000
_LEAST_SWIPES: Final = 4
_STRENGTHS: Final = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Variances of a viewer's taste over all pictures, in logits: the best on known ones is used."""


def measure(learned: Learned, seed: int, say: Say) -> Sequence[Found]:
    """R² of hidden tastes from the avatars kept back, and AUC of likes on them."""
    shown = np.flatnonzero(learned.shown)
    features = {OURS: learned.vectors()[shown], **baselines(learned.pixels[shown], seed)}
    rows = list(_tastes(learned, features, shown, seed))
    say("likes on new avatars")
    return rows + list(_likes(learned, features, shown, seed))


def _tastes(
    learned: Learned, features: Mapping[str, Floats], shown: Ints, seed: int
) -> Iterator[Found]:
    """Of 60 viewers' true logits over the new drawings; the interval is over viewers."""
    rng = np.random.default_rng([seed, 9])
    truth = learned.drawn.truth
    viewers = rng.choice(len(truth.person), _TASTES, replace=False)
    new = learned.new[shown]
    targets = truth.looks.table(viewers, shown[new]).T
    for name, of in features.items():
        r2 = explained(of[new], targets, seed)
        drawn = np.random.default_rng(seed).integers(0, len(r2), (_DRAWS, len(r2)))
        low, high = np.quantile(r2[drawn].mean(axis=1), (0.025, 0.975)).tolist()
        wanted = _REFERENCE if name == OURS else None
        yield Found(TASK, "r2", name, float(r2.mean()), low, high, wanted)


def _likes(
    learned: Learned, features: Mapping[str, Floats], shown: Ints, seed: int
) -> Iterator[Found]:
    """AUC of likes on new drawings by viewers whose tastes come from their swipes on others: by
    the rates with the taste, and by the taste alone; and by the rates alone."""
    place = np.full(len(learned.shown), -1, np.int64)
    place[shown] = np.arange(len(shown))
    asked = _Asked.of(learned, place, seed)
    bootstrap = Bootstrap(asked.group, _DRAWS, 0)

    def row(measure: str, name: str, score: Floats64) -> Found:
        found = bootstrap.estimate(auc(score, asked.liked))
        return Found(TASK, measure, name, found.value, *found.interval())

    yield row("auc", "rates alone", asked.offset)
    for name, of in features.items():
        kernel = kernel_of(of)
        strength = max(_STRENGTHS, key=lambda each: asked.fit(kernel, each))
        taste = asked.tastes(kernel, strength)
        yield row("auc", name, asked.offset + taste)
        yield row("auc_of_taste", name, taste)


class _Asked:
    """Swipes (m,) on new drawings, and for each viewer their swipes on known ones."""

    def __init__(self, swiped: Swiped, new: Bools, place: Ints, viewers: Ints) -> None:
        of = np.isin(swiped.viewer, viewers)
        order = np.argsort(swiped.viewer[of], kind="stable")
        self._viewer = swiped.viewer[of][order]
        self._photo = place[swiped.drawing[of][order]]
        self._liked = swiped.liked[of][order]
        self._offset = swiped.offset[of][order].astype(np.float64)
        self._new = new[swiped.drawing[of][order]]
        self.liked, self.offset = self._liked[self._new], self._offset[self._new]
        _, self.group = np.unique(self._viewer[self._new], return_inverse=True)
        changes = np.flatnonzero(np.diff(self._viewer)) + 1
        self._spans = np.split(np.arange(len(self._viewer)), changes)
        # Of each viewer's known ones: those given and those asked for, to choose a strength.
        self._first, self._second = np.zeros((2, len(self._viewer)), bool)
        for rows in self._spans:
            known = rows[~self._new[rows]]
            self._first[known[: len(known) // 2]] = True
            self._second[known[len(known) // 2 :]] = True

    @classmethod
    def of(cls, learned: Learned, place: Ints, seed: int) -> "_Asked":
        """Of some thousands of viewers who have swiped enough known drawings, and a new one."""
        swiped, n = learned.swiped, int(learned.swiped.viewer.max()) + 1
        is_new = learned.new[swiped.drawing]
        known = np.bincount(swiped.viewer[~is_new], minlength=n)
        asked = np.bincount(swiped.viewer[is_new], minlength=n)
        enough = np.flatnonzero((known >= _LEAST_SWIPES) & (asked > 0))
        viewers = np.random.default_rng(seed).permutation(enough)[:_MOST_VIEWERS]
        return cls(swiped, learned.new, place, viewers)

    def tastes(self, kernel: Floats64, strength: float) -> Floats64:
        """What the taste adds (m,) on new drawings, of a prior covariance strength × kernel."""
        known = ~self._new
        each = [self._posterior(r, kernel, strength, known, self._new) for r in self._spans]
        return np.concatenate(each)

    def fit(self, kernel: Floats64, strength: float) -> float:
        """Minus the log loss on each viewer's second half of known drawings by the first."""
        second = self._second
        taste = [self._posterior(r, kernel, strength, self._first, second) for r in self._spans]
        x = self._offset[second] + np.concatenate(taste)
        return -float((np.logaddexp(0.0, x) - x * self._liked[second]).sum())

    def _posterior(
        self, rows: Ints, kernel: Floats64, strength: float, given: Bools, asked: Bools
    ) -> Floats64:
        """One Newton step of a Gaussian process with the logistic likelihood."""
        one, two = rows[given[rows]], rows[asked[rows]]
        p = 1.0 / (1.0 + np.exp(-self._offset[one]))
        w = np.maximum(p * (1.0 - p), 1e-3)
        among = strength * kernel[np.ix_(self._photo[one], self._photo[one])]
        pull = np.linalg.solve(among + np.diag(1.0 / w), (self._liked[one] - p) / w)
        return np.asarray(
            strength * kernel[np.ix_(self._photo[two], self._photo[one])] @ pull, np.float64
        )
