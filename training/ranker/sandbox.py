"""A ranker from a saved deck log: one Parquet file, no stack, no factors.

The log is a training set (training.lake_sets): cards that a ranker served and somebody answered,
with the logits that it saw. The earlier cards teach, the last fifth of them judges.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.ranker import CORE_NAMES
from training.ranker.examples import Examples, by_inverse_propensity, logged_examples
from training.ranker.fitting import LEAST, fit_ranker, split_by_time
from training.ranker.measures import auc, log_loss, plain
from training.ranker.trees import TRIED, fit_trees
from training.reliability.bins import reliability

JUDGED: Final = 0.2
_COLUMNS: Final = (*CORE_NAMES, "liked", "swiped_at", "propensity")
_TREES_TRIED: Final = TRIED[:1]


class LogUnusable(Exception):
    """There is no deck log there, or it is no deck log, or it holds too little to learn from."""


@dataclass(frozen=True, slots=True)
class Scored:
    """How well one method predicts the likes of the judged cards."""

    method: str
    auc: float
    log_loss: float
    ece: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """Scores of each method, and of how many cards how many taught and judged."""

    scored: tuple[Scored, ...]
    learned: int
    judged: int


def read_log(path: Path) -> Examples:
    """The answered cards of a log that a ranker served, in order of time. Raises LogUnusable."""
    if not path.is_file():
        raise LogUnusable(f"{path}: there is no such file")
    try:
        missing = set(_COLUMNS).difference(pq.read_schema(path).names)
        if missing:
            raise LogUnusable(f"{path}: no deck log, since it lacks {', '.join(sorted(missing))}")
        table = pq.read_table(path, columns=list(_COLUMNS))
    except pa.ArrowException as error:
        raise LogUnusable(f"{path}: not a Parquet file") from error
    table = table.filter(table[CORE_NAMES[0]].is_valid()).sort_by("swiped_at")
    if table.num_rows < 2 * LEAST:
        raise LogUnusable(
            f"{path}: {table.num_rows} answered cards that a ranker served; it takes {2 * LEAST}"
        )
    core = np.stack([table[name].to_numpy().astype(np.float32) for name in CORE_NAMES], axis=1)
    examples = logged_examples(core, np.asarray(table["liked"].to_numpy(), np.bool_))
    propensity = table["propensity"].to_numpy().astype(np.float32)
    return by_inverse_propensity(examples, propensity)


def play(log: Examples, seed: int) -> Outcome:
    """Fit the ranker and trees to the earlier cards, and score all on the later ones.

    Raises LogUnusable where the cards have one answer only.
    """
    at = round(len(log) * (1.0 - JUDGED))
    learned, judged = log.take(slice(0, at)), log.take(slice(at, len(log)))
    for part in (*split_by_time(learned), judged):
        if part.liked.all() or not part.liked.any():
            raise LogUnusable("all cards of some days have the same answer: nothing to learn")
    ranker = fit_ranker(learned, seed)
    trees = fit_trees(*split_by_time(learned), seed, _TREES_TRIED)
    logits = {
        "gravity ranker": ranker.logits(judged.inputs, judged.base),
        "calibrated logit": judged.base,
        "trees": trees.logits(judged.inputs),
    }
    scored = tuple(
        Scored(
            method,
            auc=plain(auc(x, judged.liked), len(judged)),
            log_loss=plain(log_loss(x, judged.liked), len(judged)),
            ece=reliability(0.5 * (1.0 + np.tanh(0.5 * x.astype(np.float64))), judged.liked).error,
        )
        for method, x in logits.items()
    )
    return Outcome(scored, len(learned), len(judged))
