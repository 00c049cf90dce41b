"""The audit of photos: a taste that is somebody else's must not tell how liked a photo is.

Pairs of viewers and candidates at random, each viewer with the taste in photos of another. What
photos then add to the ranker's logits, both ways, is held against the share of likes that the
candidate gets of all: if that correlates, the model has learned looks. Logits, since the logarithm
of a probability is bent: any noise lowers its mean, and more so for whoever is liked by some.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.ranker import Network, heads_of
from features.score import Sides
from training.datasets import Datasets
from training.model import Model
from training.snapshot import People

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PAIRS: Final = 120_000
LEAST_PAIRS: Final = 100_000
_DRAWN: Final = 4 * PAIRS
LARGEST: Final = 0.03
"""What the interval of the correlation must lie within, either side of 0."""
_LEAST_SHOWN: Final = 5
_PIECE: Final = 20_000
_DRAWS: Final = 400
_AT_ONCE: Final = 20


@dataclass(frozen=True, slots=True)
class Audit:
    """The correlation, its 95% interval over photos, and of how many pairs and photos it is."""

    correlation: float
    low: float
    high: float
    pairs: int
    photos: int

    @property
    def passed(self) -> bool:
        """Whether the interval has 0 in it and goes no further than .03, from enough pairs."""
        narrow = max(-self.low, self.high) <= LARGEST
        return self.low <= 0.0 <= self.high and narrow and self.pairs >= LEAST_PAIRS


def audit_photos(datasets: Datasets, model: Model, ranker: Network, seed: int) -> Audit | None:
    """The audit of a model and its ranker by all swipes; None where there is too little to tell."""
    pairs = pairs_of(datasets, seed) if model.e else None
    if pairs is None:
        return None
    swipes, n = datasets.swipes, len(datasets.people)
    shown = np.bincount(swipes.candidate, minlength=n)
    rate = np.bincount(swipes.candidate, swipes.liked, n) / np.maximum(1, shown)
    added = pairs.added(model.sides(), ranker, model.e)
    return correlation(added, rate[pairs.candidate], pairs.candidate, seed)


def pairs_of(datasets: Datasets, seed: int) -> "Pairs | None":
    """Pairs (m,) for an audit, 120,000 of them; None without photos, or with fewer than two
    candidates with photos who were shown five times to somebody."""
    swipes, photos = datasets.swipes, datasets.people.photos
    if photos is None:
        return None
    shown = np.bincount(swipes.candidate, minlength=len(datasets.people))
    candidates = np.flatnonzero(photos.present & (shown >= _LEAST_SHOWN))
    if len(candidates) < 2:
        return None
    rng = np.random.default_rng(seed)
    pairs = Pairs.draw(np.unique(swipes.viewer), candidates, datasets.people, rng)
    return pairs if len(pairs.viewer) else None


def correlation(added: Floats64, rate: Floats64, photo: Ints, seed: int) -> Audit:
    """Of what is added (m,) with like rates (m,), with a bootstrap over the photos (m,)."""
    _, of = np.unique(photo, return_inverse=True)
    columns = np.stack((np.ones(len(added)), added, rate, added**2, rate**2, added * rate))
    # Whole photos are drawn, so their sums are all that a draw needs.
    sums = np.stack([np.bincount(of, column) for column in columns], axis=1)
    rng, drawn = np.random.default_rng(seed), []
    for _ in range(0, _DRAWS, _AT_ONCE):
        weights = rng.multinomial(len(sums), np.full(len(sums), 1.0 / len(sums)), _AT_ONCE)
        drawn.append(_correlations(weights.astype(np.float64) @ sums))
    value = float(_correlations(sums.sum(axis=0, keepdims=True))[0])
    low, high = np.quantile(np.concatenate(drawn), (0.025, 0.975)).tolist()
    return Audit(value, float(low), float(high), len(added), len(sums))


def _correlations(sums: Floats64) -> Floats64:
    """Of sums (k, 6): count, x, y, x squared, y squared, x times y."""
    n, x, y, xx, yy, xy = sums.T
    together = xy / n - x * y / n**2
    spread = (xx / n - (x / n) ** 2) * (yy / n - (y / n) ** 2)
    return np.asarray(together / np.sqrt(np.maximum(spread, 1e-30)), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows (m,): viewers, those of their gender whose taste in photos they have, and candidates of
    a gender that they seek."""

    viewer: Ints
    taste_of: Ints
    candidate: Ints

    @classmethod
    def draw(
        cls, viewers: Ints, candidates: Ints, people: People, rng: np.random.Generator
    ) -> "Pairs":
        """Pairs of viewers and candidates (k,), rows."""
        viewer, candidate = rng.choice(viewers, _DRAWN), rng.choice(candidates, _DRAWN)
        sought = people.table["seeks"][viewer] >> people.gender[candidate] & 1
        fits = np.flatnonzero(sought)[:PAIRS]
        viewer, candidate = viewer[fits], candidate[fits]
        taste_of = viewer.copy()
        for gender in np.unique(people.gender[viewer]):
            of = np.flatnonzero(people.gender[viewer] == gender)
            taste_of[of] = viewer[rng.permutation(of)]
        return cls(viewer, taste_of, candidate)

    def added(self, sides: Sides, ranker: Network, e: int) -> Floats64:
        """What photos add to the logits of both heads together (m,)."""
        return np.concatenate(list(self._added(sides, ranker, e)))

    def _added(self, sides: Sides, ranker: Network, e: int) -> Iterator[Floats64]:
        for start in range(0, len(self.viewer), _PIECE):
            piece = slice(start, start + _PIECE)
            viewers, candidates = sides.take(self.viewer[piece]), sides.take(self.candidate[piece])
            viewers.taste[:, -e:] = sides.taste[self.taste_of[piece], -e:]
            with_photos = heads_of(ranker, viewers, candidates)
            for each in (viewers, candidates):
                each.taste[:, -e:] = 0.0
            without = heads_of(ranker, viewers, candidates)
            there, back = with_photos.there - without.there, with_photos.back - without.back
            yield (there + back).astype(np.float64)
