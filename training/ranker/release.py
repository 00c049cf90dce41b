"""The ranker of a release, and the lines by which retrieval follows it."""

from dataclasses import replace

import numpy as np

from training.datasets import Datasets
from training.fitting import Fitted
from training.lines import fit_lines
from training.model import with_lines
from training.ranker.fitting import learn_ranker


def with_ranker(datasets: Datasets, fitted: Fitted, seed: int) -> Fitted:
    """The same with a ranker, and with lines by which retrieval follows it: ready to release."""
    fitted = learn_ranker(fitted, seed)
    people, rng = datasets.people, np.random.default_rng(seed)
    line = fit_lines(people, fitted.final.sides(), fitted.ranker, datasets.today, rng).line
    return replace(fitted, final=with_lines(fitted.final, people, line))
