"""The final order: log of the expected match by the release's ranker, from fresh features, less the
price of the candidate; of whoever likes the viewer already, whether the viewer will like them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Network, core_logits, heads_of_core
from features.score import Sides

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Ranked:
    """Log expected matches less prices (m,) float64, exact in half precision, and the logits
    (m, CORE) that they come from, by `features.ranker.CORE_NAMES`.

    Half precision is what the impression keeps, so the draw is made from nothing finer.
    """

    scores: npt.NDArray[np.float64]
    core: Floats


def rank(
    ranker: Network, viewer: Sides, candidates: Sides, prices: Prices, sure: Bools, passed: Bools
) -> Ranked:
    """Score a viewer (one) and candidates (m) with their prices (m), all at once; who is `sure`
    (m,) to like back is worth what the viewer will think of them, who has `passed` (m,) is last."""
    core = core_logits(viewer, candidates)
    priced = heads_of_core(ranker, viewer, candidates, core).priced(prices, sure, passed)
    return Ranked(priced.astype(np.float16).astype(np.float64), core)
