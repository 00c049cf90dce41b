"""The ranker on speed dating: decisions, and matches made of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Found, Say
from training.ranker.measures import Bootstrap, Estimate, Measure, Weighted, auc, average_precision
from training.ranker.speed_dating import SpeedDating, read_speed_dating
from training.ranker.wave_folds import (
    OURS,
    OURS_TRIED,
    TREES,
    TREES_TRIED,
    Fit,
    cross_fitted,
    harmonic_means,
    match_logits,
    network_fit,
    tree_fit,
)

Floats = npt.NDArray[np.float32]
Scores = list[Floats]
"""Of each repeat (m,)."""

TASK: Final = "speed-dating"
_DRAWS: Final = 500
_REFERENCES: Final = {
    ("gravity", "auc"): 0.599,
    ("gravity, product", "match_auc"): 0.566,
    ("gravity, product", "match_ap"): 0.213,
}
"""What trees are reported to reach on these waves (similar ones, folds not known)."""


def measure(
    waves: Path, repeats: int, tuned: bool, say: Say, draws: int = _DRAWS
) -> Sequence[Found]:
    """Rows of all methods over `repeats` divisions of the waves into folds; intervals over waves.

    `tuned`: settings are chosen within the training waves of each fold; else they are `OURS` and
    `TREES`, which nothing has tuned.
    """
    dates = read_speed_dating(waves)
    found = {}
    for name, fits, direct in _methods(dates, tuned):
        say(f"{name}, decisions")
        there = [cross_fitted(dates, fits, seed) for seed in range(repeats)]
        say(f"{name}, matches directly")
        found[name] = there, [cross_fitted(dates, direct, seed) for seed in range(repeats)]
    say("resampling waves")
    return _rows(dates, found, draws)


def _methods(dates: SpeedDating, tuned: bool) -> Sequence[tuple[str, Sequence[Fit], Sequence[Fit]]]:
    ours = OURS_TRIED if tuned else (OURS,)
    trees = TREES_TRIED if tuned else (TREES,)
    matched = dates.matched
    return [
        (
            "gravity",
            [network_fit(dates, dates.yes, how, 0) for how in ours],
            [network_fit(dates, matched, OURS, 0)],
        ),
        (
            "trees",
            [tree_fit(dates, dates.yes, how, 0) for how in trees],
            [tree_fit(dates, matched, TREES, 0)],
        ),
    ]


def _rows(dates: SpeedDating, found: dict[str, tuple[Scores, Scores]], draws: int) -> list[Found]:
    _, group = np.unique(dates.wave, return_inverse=True)
    bootstrap = Bootstrap(group.astype(np.int64), draws, 0)
    scored: dict[tuple[str, str], Scores] = {}
    for name, (there, direct) in found.items():
        back = [x[dates.back] for x in there]
        scored[name, "decision"] = there
        scored[f"{name}, product", "match"] = list(map(match_logits, there, back))
        scored[f"{name}, harmonic mean", "match"] = list(map(harmonic_means, there, back))
        scored[f"{name}, one side", "match"] = there
        scored[f"{name}, direct", "match"] = direct
    outcome = {"decision": dates.yes, "match": dates.matched}
    rows = []
    for measure_name, kind, of_scores in _MEASURES:
        estimates = {
            method: bootstrap.estimate(_mean_of(scores, outcome[kind], of_scores))
            for (method, what), scores in scored.items()
            if what == kind
        }
        for method, estimate in estimates.items():
            reference = _REFERENCES.get((method, measure_name))
            rows.append(_found(measure_name, method, estimate, reference))
        for ours, other in _COMPARED:
            if ours in estimates:
                estimate = estimates[ours].minus(estimates[other])
                method = f"{ours} minus {other}"
                rows.append(_found(f"{measure_name}_difference", method, estimate, 0.0))
    return rows


def _mean_of(scores: Scores, outcome: npt.NDArray[np.bool_], of_scores: Measure) -> Weighted:
    """The mean of a measure over the repeats."""
    each = [of_scores(s, outcome) for s in scores]
    return lambda weights: np.mean([of(weights) for of in each], axis=0)


_MEASURES: Final = (
    ("auc", "decision", auc),
    ("match_auc", "match", auc),
    ("match_ap", "match", average_precision),
)
_COMPARED: Final = (
    ("gravity", "trees"),
    ("gravity, product", "trees, product"),
    ("gravity, product", "trees, direct"),
    ("gravity, product", "gravity, one side"),
)


def _found(measure_name: str, method: str, e: Estimate, reference: float | None) -> Found:
    low, high = e.interval()
    return Found(TASK, measure_name, method, e.value, low, high, reference)
