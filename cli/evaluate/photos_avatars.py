"""Hidden tastes and likes on avatars that no network has seen."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
_MOST_VIEWERS: Final = 8_000
_LEAST_SWIPES: Final = 4
_STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Variances of a viewer's taste over all pictures, in logits."""


def measure(learned: Learned, seed: int, say: Say) -> Sequence[Found]:
    """R² of hidden tastes from the avatars kept back, and AUC of likes on them."""
    shown = np.flatnonzero(learned.shown)
    known = learned.pixels[learned.shown & ~learned.new]
    others = baselines(learned.pixels[shown], known, learned.how.centres, seed)
    features = {OURS: learned.vectors()[shown], **others}
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
    the rates with the taste, and by the taste alone; and by the rates alone. How strong tastes are
    taken to be is the best for other viewers on the same drawings."""
    place = np.full(len(learned.shown), -1, np.int64)
    place[shown] = np.arange(len(shown))
    viewers = _viewers(learned, seed)
    tuned = _Asked.of(learned.swiped, learned.new, place, viewers[::2])
    asked = _Asked.of(learned.swiped, learned.new, place, viewers[1::2])
    bootstrap = Bootstrap(asked.group, _DRAWS, 0)

    def row(measure: str, name: str, score: Floats64) -> Found:
        found = bootstrap.estimate(auc(score, asked.liked))
        return Found(TASK, measure, name, found.value, *found.interval())

    yield row("auc", "rates alone", asked.offset)
    for name, of in features.items():
        kernel = kernel_of(of)
        strength = min(_STRENGTHS, key=lambda each: tuned.loss(kernel, each))
        taste = asked.tastes(kernel, strength)
        yield row("auc", name, asked.offset + taste)
        yield row("auc_of_taste", name, taste)


def _viewers(learned: Learned, seed: int) -> Ints:
    """Some thousands who have swiped enough known drawings, and a new one, in random order."""
    swiped, n = learned.swiped, int(learned.swiped.viewer.max()) + 1
    is_new = learned.new[swiped.drawing]
    known = np.bincount(swiped.viewer[~is_new], minlength=n)
    asked = np.bincount(swiped.viewer[is_new], minlength=n)
    enough = np.flatnonzero((known >= _LEAST_SWIPES) & (asked > 0))
    return np.random.default_rng(seed).permutation(enough)[:_MOST_VIEWERS]


@dataclass(frozen=True, slots=True, eq=False)
class _Asked:
    """All swipes (k,) of some viewers, one viewer after the other: of which photo, whether liked,
    the logit by rates, and whether the photo is new. What is asked are those (m,) of new ones."""

    photo: Ints
    answer: Bools
    x: Floats64
    new: Bools
    spans: Sequence[Ints]

    @classmethod
    def of(cls, swiped: Swiped, new: Bools, place: Ints, viewers: Ints) -> "_Asked":
        """`place`: of each drawing among the pictures that there are."""
        rows = np.flatnonzero(np.isin(swiped.viewer, viewers))
        rows = rows[np.argsort(swiped.viewer[rows], kind="stable")]
        changes = np.flatnonzero(np.diff(swiped.viewer[rows])) + 1
        return cls(
            photo=place[swiped.drawing[rows]],
            answer=swiped.liked[rows],
            x=swiped.offset[rows].astype(np.float64),
            new=new[swiped.drawing[rows]],
            spans=np.split(np.arange(len(rows)), changes),
        )

    @property
    def liked(self) -> Bools:
        """(m,)"""
        return self.answer[self.new]

    @property
    def offset(self) -> Floats64:
        """(m,)"""
        return self.x[self.new]

    @property
    def group(self) -> Ints:
        """Which viewer (m,)."""
        counts = [int(self.new[rows].sum()) for rows in self.spans]
        return np.repeat(np.arange(len(counts)), counts)

    def loss(self, kernel: Floats64, strength: float) -> float:
        """Log loss of what is asked, by the rates with tastes of this strength."""
        x = self.offset + self.tastes(kernel, strength)
        return float((np.logaddexp(0.0, x) - x * self.liked).sum())

    def tastes(self, kernel: Floats64, strength: float) -> Floats64:
        """What the taste adds (m,), of a prior covariance strength × kernel."""
        return np.concatenate([self._posterior(rows, kernel, strength) for rows in self.spans])

    def _posterior(self, rows: Ints, kernel: Floats64, strength: float) -> Floats64:
        """One Newton step of a Gaussian process with the logistic likelihood."""
        one, two = rows[~self.new[rows]], rows[self.new[rows]]
        p = 1.0 / (1.0 + np.exp(-self.x[one]))
        w = np.maximum(p * (1.0 - p), 1e-3)
        among = strength * kernel[np.ix_(self.photo[one], self.photo[one])]
        pull = np.linalg.solve(among + np.diag(1.0 / w), (self.answer[one] - p) / w)
        return np.asarray(
            strength * kernel[np.ix_(self.photo[two], self.photo[one])] @ pull, np.float64
        )
