"""What a deck policy would have logged in a simulated market, and the truth that it hides.

Decks of 20 are drawn by a Plackett–Luce draw from the viewer's eligible people, in favour of who is
popular and of whom the viewer would like: as a deployed ranker does. A card is looked at the less,
the further down it lies; only who looks decides.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from cli.evaluate.simulated import Simulated
    from training.reliability.logs import Log

_DECKS: Final = 2
_DECK_SIZE: Final = 20
_LEAST_POOL: Final = 80
_POPULARITY: Final = 0.5
"""How the policy's logit depends on appeal, and on the viewer's own logit; then what it errs."""
_AFFINITY: Final = 0.5
_NOISE: Final = 0.5
_ATTENTION: Final = 5.0
"""The position, from 0, at which half of the viewers still look."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Logged:
    """A log, and for each person (n,) the share of those who could be shown them and would like
    them, in truth; NaN for who is in nobody's list."""

    log: "Log"
    rate: Floats


def log_decks(simulated: "Simulated", seed: int) -> Logged:
    """Two decks for each viewer of the market who has enough people around."""
    from training.eligible_lists import eligible_lists
    from training.reliability.logs import Log

    rng = np.random.default_rng([seed, 77])
    datasets, n = simulated.datasets, len(simulated.datasets.people)
    likes, met = np.zeros(n), np.zeros(n)
    parts: list[tuple[npt.NDArray[np.generic], ...]] = []
    nobody = datasets.seen.take(slice(0, 0))
    for each in eligible_lists(datasets.people, np.arange(n), nobody, datasets.today):
        x = _logits(simulated, each.viewer, each.candidates)
        p = 1.0 / (1.0 + np.exp(-x))
        likes[each.candidates] += p
        met[each.candidates] += 1.0
        if len(p) < _LEAST_POOL:
            continue
        appeal = simulated.truth.appeal[simulated.truth_row[each.candidates]]
        score = _POPULARITY * appeal + _AFFINITY * x + _NOISE * rng.standard_normal(len(x))
        shown, propensity = _draw(score, _DECKS * _DECK_SIZE, rng)
        position = np.arange(len(shown)) % _DECK_SIZE
        seen = rng.random(len(shown)) < 1.0 / (1.0 + position / _ATTENTION)
        liked = seen & (rng.random(len(shown)) < p[shown])
        viewer = np.full(len(shown), each.viewer)
        parts.append((viewer, each.candidates[shown], position, seen, liked, propensity))
    columns = (np.concatenate(column) for column in zip(*parts, strict=True))
    rate = np.where(met > 0, likes / np.maximum(met, 1.0), np.nan)
    return Logged(Log(*columns), rate)


def _logits(simulated: "Simulated", viewer: int, candidates: Ints) -> Floats:
    rows = simulated.truth_row
    viewers = np.full(len(candidates), rows[viewer])
    return simulated.truth.logits(viewers, rows[candidates])


def _draw(score: Floats, count: int, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """`count` places by Gumbel top-k, and the probability of each given those before it."""
    order = np.argsort(-(score + rng.gumbel(size=len(score))))[:count]
    weight = np.exp(score - score.max())
    before = np.cumsum(weight[order]) - weight[order]
    return order, weight[order] / np.maximum(weight.sum() - before, weight[order])
