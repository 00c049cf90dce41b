"""From the lake to a release, step by step: the seam between training and the flow `retrain`.

    datasets = prepare(lake_root, now, window_end)          # training.datasets
    pairs = calibration_pairs(datasets, settings, seed)     # held-out swipes, in order of time
    table = pair_table(datasets, pairs)                     # viewer, candidate, event_timestamp
    counts = ...                                            # PairCounts by the point-in-time join
    fitted = fit(datasets, pairs, counts, settings, seed)   # or fit_from_arrays
    fitted = with_ranker(datasets, fitted, seed)            # corrects the calibrated logits
    fitted = with_prices(datasets, fitted, seed)            # what the crowded cost others
    evaluation = evaluate(datasets, fitted, seed)           # .metrics(): flat dict of floats
    manifest = assemble(datasets, fitted, evaluation, bus_positions, path)

Errors: `NoProfiles` (training.snapshot), `NothingToLearn`, `TooFewDays` (training.datasets).
Equal inputs and seeds give equal releases. The join's keys are `viewer` (counts given) and
`candidate` (counts received), as of the midnight (UTC) of the swipe's day.
"""

from training.assembly import assemble
from training.calibration import counts_before
from training.datasets import prepare
from training.fitting import (
    Fitted,
    TrainingSettings,
    calibration_pairs,
    fit,
    fit_from_arrays,
    pair_table,
)
from training.judging import Evaluation, evaluate
from training.pricing import with_prices
from training.ranker.release import with_ranker

__all__ = [
    "Evaluation",
    "Fitted",
    "TrainingSettings",
    "assemble",
    "calibration_pairs",
    "counts_before",
    "evaluate",
    "fit",
    "fit_from_arrays",
    "pair_table",
    "prepare",
    "with_prices",
    "with_ranker",
]
