"""The second look of retrieval: of those whom the inner product finds, who may be in a deck.

In the inner product a line stands for each log s, and one number for a table of prices. Prices make
many candidates worth nearly the same to a viewer, and then what a line errs by decides who is among
the 200 best (docs/decisions/0079). So more are found by it, and of these the release's own tables
say, without lines and with prices as they are, whom the rest is for. Whoever likes the viewer
already comes into question wherever the inner product puts them (docs/decisions/0083).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.prices import Prices
from features.ranker import Heads
from features.score import Sides, like_logits

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

SEARCHED: Final = 1500
"""People found by the inner product; people whose likes wait come on top."""
RETRIEVED: Final = 200
"""People of those whose features are read and who are ranked."""


def narrowed(
    viewer: Sides,
    candidates: Sides,
    prices: Prices,
    sure: Bools | None = None,
    passed: Bools | None = None,
) -> Ints:
    """The places of the RETRIEVED best of candidates (m,) with their prices (m) for a viewer (one),
    best first: by the calibrated logits, which are what the ranker corrects. `sure` and `passed`
    (m,): see `Heads.priced`."""
    logits = Heads(like_logits(viewer, candidates), like_logits(candidates, viewer))
    return np.argsort(-logits.priced(prices, sure, passed), kind="stable")[:RETRIEVED]
