"""Whom serving would retrieve of a list, both looks, without an index."""

import numpy as np
import numpy.typing as npt

from features.narrowing import SEARCHED, narrowed
from features.prices import Prices
from features.score import Sides, candidate_vectors, query_vectors

Ints = npt.NDArray[np.int64]


def retrieved(viewer: Sides, candidates: Sides, prices: Prices) -> Ints:
    """Places among candidates (m,) with their prices (m) of those who are ranked for a viewer
    (one)."""
    linear = candidate_vectors(candidates, prices.uppermost()) @ query_vectors(viewer)[0]
    found = np.argsort(-linear, kind="stable")[:SEARCHED]
    return np.asarray(found[narrowed(viewer, candidates.take(found), prices.take(found))], np.int64)
