"""What a model is worth on days that it has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.metrics import roc_auc_score

from features.prices import Prices
from features.ranker import Network, heads_of
from features.score import Sides
from training.datasets import Swipes
from training.eligible_lists import EligibleList
from training.propensity import inverse_propensities
from training.retrieval import retrieved

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

TOP: Final = 20
_BINS: Final = 10


@dataclass(frozen=True, slots=True)
class Ranked:
    """One measure of a ranking by three orders."""

    learned: float
    popularity: float
    random: float


@dataclass(frozen=True, slots=True)
class RankingQuality:
    """Held-out likes among the eligible whom the viewer had not seen."""

    recall_at_20: Ranked
    ndcg_at_20: Ranked
    viewers: int


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """Held-out swipes whose predicted probability fell into one tenth of the predictions."""

    gender: int
    predicted: float
    observed: float
    swipes: int


@dataclass(frozen=True, slots=True)
class LikeQuality:
    """Predicted against actual likes of held-out swipes; AUC is NaN where one outcome lacks."""

    auc_learned: float
    auc_calibrated: float
    auc_rates: float
    auc_popularity: float
    calibration_error: float
    reliability: tuple[ReliabilityRow, ...]
    swipes: int


def like_quality(
    learned: Floats,
    calibrated: Floats,
    rates_only: Floats,
    popularity: Floats,
    gender: npt.NDArray[np.uint8],
    liked: Bools,
) -> LikeQuality:
    """Of m held-out swipes: logits by the ranker, by the calibration that it corrects, by rates
    alone, by the candidate's rate alone."""
    p = 1.0 / (1.0 + np.exp(-learned.astype(np.float64)))
    rows = [row for g in np.unique(gender) for row in _reliability(int(g), p, liked, gender == g)]
    total = max(1, sum(row.swipes for row in rows))
    error = sum(abs(row.predicted - row.observed) * row.swipes for row in rows) / total
    return LikeQuality(
        auc_learned=_auc(liked, learned),
        auc_calibrated=_auc(liked, calibrated),
        auc_rates=_auc(liked, rates_only),
        auc_popularity=_auc(liked, popularity),
        calibration_error=error,
        reliability=tuple(rows),
        swipes=len(liked),
    )


def _auc(liked: Bools, score: Floats) -> float:
    if liked.all() or not liked.any():
        return float("nan")
    return float(roc_auc_score(liked, score))


def _reliability(
    gender: int, p: npt.NDArray[np.float64], liked: Bools, rows: Bools
) -> list[ReliabilityRow]:
    at = np.flatnonzero(rows)
    tenths = np.array_split(at[np.argsort(p[at], kind="stable")], _BINS)
    return [
        ReliabilityRow(gender, float(p[t].mean()), float(liked[t].mean()), len(t))
        for t in tenths
        if len(t)
    ]


def ranking_quality(
    lists: Sequence[EligibleList],
    sides: Sides,
    ranker: Network,
    held_out: Swipes,
    popularity: Floats,
) -> RankingQuality:
    """Orders of each viewer's eligible unseen people, judged by their likes of the held-out days.

    Likes judge the learned probability that the viewer likes; the order by expected match needs
    both sides' answers, which logs hardly hold (the simulator's truth judges that). A like counts
    by the inverse propensity (clipped) with which its card was shown, where that is known: likes
    under a popularity policy would favour popularity. `popularity` (n,): likes received before.
    """
    totals = np.zeros(8)
    gains = _gains(held_out, len(popularity))
    for each in lists:
        gain = gains(each)
        order = _orders(each, sides, ranker, popularity)
        totals += (
            *(float(gain[top].sum()) for top in (order.learned, order.popularity)),
            gain.sum() * min(1.0, TOP / len(gain)),
            *(_dcg(gain[top]) for top in (order.learned, order.popularity)),
            gain.mean() * _DISCOUNTS[: len(gain)].sum(),
            gain.sum(),
            _dcg(np.sort(gain)[::-1][:TOP]),
        )
    found, ideal = max(totals[6], 1e-12), max(totals[7], 1e-12)
    return RankingQuality(
        recall_at_20=Ranked(*(totals[:3] / found).tolist()),
        ndcg_at_20=Ranked(*(totals[3:6] / ideal).tolist()),
        viewers=len(lists),
    )


def retrieval_recall(
    lists: Sequence[EligibleList], sides: Sides, ranker: Network, prices: Prices
) -> float:
    """Mean share of the 20 best by the ranker and the prices (n) that are retrieved."""
    if not lists:
        return float("nan")
    return float(np.mean([_kept(each, sides, ranker, prices) for each in lists]))


_DISCOUNTS: Final = 1.0 / np.log2(np.arange(TOP) + 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Orders:
    """Positions within a list, the best 20 first."""

    learned: npt.NDArray[np.int64]
    popularity: npt.NDArray[np.int64]


def _orders(each: EligibleList, sides: Sides, ranker: Network, popularity: Floats) -> _Orders:
    candidates = sides.take(each.candidates)
    learned = heads_of(ranker, sides.take([each.viewer]), candidates).there
    return _Orders(_best(learned, TOP), _best(popularity[each.candidates], TOP))


def _best(score: Floats, size: int) -> npt.NDArray[np.int64]:
    return np.argsort(-score, kind="stable")[:size]


def _gains(held_out: Swipes, people: int) -> Callable[[EligibleList], npt.NDArray[np.float64]]:
    """A function that gives the gains (m,) of a list's candidates."""
    weight = np.where(held_out.liked, inverse_propensities(held_out.propensity), 0.0)
    matrix = csr_matrix((weight, (held_out.viewer, held_out.candidate)), (people, people))
    return lambda each: matrix[each.viewer].toarray()[0, each.candidates]


def _dcg(gain: npt.NDArray[np.float64]) -> float:
    return float((gain * _DISCOUNTS[: len(gain)]).sum())


def _kept(each: EligibleList, sides: Sides, ranker: Network, prices: Prices) -> float:
    viewer, candidates = sides.take([each.viewer]), sides.take(each.candidates)
    costs = prices.take(each.candidates)
    best = _best(heads_of(ranker, viewer, candidates).priced(costs), TOP)
    return float(np.isin(best, retrieved(viewer, candidates, costs)).mean())
