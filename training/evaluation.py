"""What a model is worth on days that it has not seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from features.score import Sides, candidate_vectors, match_scores, query_vectors
from training.datasets import Swipes
from training.eligible_lists import EligibleList

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]

TOP: Final = 20
RETRIEVED: Final = 200
_BINS: Final = 10
_MOST_WEIGHT: Final = 20.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """One measure of a ranking by three orders."""

    learned: float
    popularity: float
    random: float


@dataclass(frozen=True, slots=True)
class RankingQuality:
    """Held-out likes among the eligible not yet seen, and what retrieval keeps of the best 20."""

    recall_at_20: Ranked
    ndcg_at_20: Ranked
    retrieval_recall_at_20: float
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
    auc_rates: float
    auc_popularity: float
    calibration_error: float
    reliability: tuple[ReliabilityRow, ...]
    swipes: int


def like_quality(
    learned: Floats,
    rates_only: Floats,
    popularity: Floats,
    gender: npt.NDArray[np.uint8],
    liked: Bools,
) -> LikeQuality:
    """Of m held-out swipes: logits by the model, by rates alone, by the candidate's rate alone."""
    p = 1.0 / (1.0 + np.exp(-learned.astype(np.float64)))
    rows = [row for g in np.unique(gender) for row in _reliability(int(g), p, liked, gender == g)]
    total = max(1, sum(row.swipes for row in rows))
    error = sum(abs(row.predicted - row.observed) * row.swipes for row in rows) / total
    return LikeQuality(
        auc_learned=_auc(liked, learned),
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
    lists: Sequence[EligibleList], sides: Sides, held_out: Swipes, people: int
) -> RankingQuality:
    """Orders of each viewer's eligible unseen people, judged by the likes of the held-out days.

    A like counts by the inverse propensity (clipped at 20 times the least) with which its card was
    shown, where that is known: likes under a popularity policy would favour popularity.
    """
    totals = np.zeros(8)
    weight = _weights(held_out)
    likes = held_out.take(held_out.liked)
    like_weight = weight[held_out.liked]
    gains = _by_viewer(likes, like_weight, people)
    for each in lists:
        gain = gains(each)
        order = _orders(each, sides)
        totals += (
            *(_recall(gain, top) for top in (order.learned, order.popularity)),
            gain.sum() * min(1.0, TOP / len(gain)),
            *(_dcg(gain[top]) for top in (order.learned, order.popularity)),
            gain.mean() * _DISCOUNTS[: len(gain)].sum(),
            gain.sum(),
            _dcg(np.sort(gain)[::-1][:TOP]),
        )
    kept = [_kept(each, sides) for each in lists]
    found, ideal = max(totals[6], 1e-12), max(totals[7], 1e-12)
    return RankingQuality(
        recall_at_20=Ranked(*(totals[:3] / found).tolist()),
        ndcg_at_20=Ranked(*(totals[3:6] / ideal).tolist()),
        retrieval_recall_at_20=float(np.mean(kept)) if kept else float("nan"),
        viewers=len(lists),
    )


_DISCOUNTS: Final = 1.0 / np.log2(np.arange(TOP) + 2.0)


@dataclass(frozen=True, slots=True, eq=False)
class _Orders:
    """Positions within a list, the best 20 first."""

    learned: npt.NDArray[np.int64]
    popularity: npt.NDArray[np.int64]


def _orders(each: EligibleList, sides: Sides) -> _Orders:
    candidates = sides.take(each.candidates)
    learned = match_scores(sides.take([each.viewer]), candidates)
    return _Orders(_best(learned, TOP), _best(candidates.received_logit, TOP))


def _best(score: Floats, size: int) -> npt.NDArray[np.int64]:
    return np.argsort(-score, kind="stable")[:size]


def _weights(held_out: Swipes) -> Floats:
    """Inverse propensities (m,), 1 for the likeliest shown; 1 where there is none."""
    propensity = held_out.propensity
    known = np.isfinite(propensity) & (propensity > 0)
    weight = np.ones(len(held_out), np.float32)
    if known.any():
        inverse = 1.0 / propensity[known]
        weight[known] = np.minimum(inverse / np.median(inverse), _MOST_WEIGHT)
    return weight


def _by_viewer(
    likes: Swipes, weight: Floats, people: int
) -> Callable[[EligibleList], npt.NDArray[np.float64]]:
    """A function that gives the gains (m,) of a list's candidates."""
    order = np.argsort(likes.viewer, kind="stable")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(likes.viewer, minlength=people))))
    candidate, gain = likes.candidate[order], weight[order]
    scratch = np.zeros(people)

    def gains(each: EligibleList) -> npt.NDArray[np.float64]:
        span = slice(int(indptr[each.viewer]), int(indptr[each.viewer + 1]))
        scratch[candidate[span]] = gain[span]
        out = scratch[each.candidates]
        scratch[candidate[span]] = 0.0
        return out

    return gains


def _recall(gain: npt.NDArray[np.float64], top: npt.NDArray[np.int64]) -> float:
    return float(gain[top].sum())


def _dcg(gain: npt.NDArray[np.float64]) -> float:
    return float((gain * _DISCOUNTS[: len(gain)]).sum())


def _kept(each: EligibleList, sides: Sides) -> float:
    """Share of the 20 best by the exact score that the 200 best by the inner product hold."""
    viewer, candidates = sides.take([each.viewer]), sides.take(each.candidates)
    exact = _best(match_scores(viewer, candidates), TOP)
    linear = candidate_vectors(candidates) @ query_vectors(viewer)[0]
    return float(np.isin(exact, _best(linear, RETRIEVED)).mean())
