"""The final order: log of the expected match, from fresh features of both sides.

`Ranker` is the seam: the torch ranker will read the same two sides and give the same kind of score.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from features.score import Sides, like_logits, log_sigmoid

Floats = npt.NDArray[np.float32]

FEATURE_NAMES: Final = (
    "logit_viewer_likes_candidate",
    "logit_candidate_likes_viewer",
    "logit_viewer_given_rate",
    "logit_viewer_received_rate",
    "logit_candidate_given_rate",
    "logit_candidate_received_rate",
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Log expected matches (m,) float64, exact in half precision, and the features (m, 6) used.

    Half precision is what the impression keeps, so the draw is made from nothing finer.
    """

    scores: npt.NDArray[np.float64]
    features: Floats


class Ranker(Protocol):
    """Scores a viewer (one) and candidates (m)."""

    def rank(self, viewer: Sides, candidates: Sides) -> Ranked:
        """Score all candidates at once."""
        ...


class ProductRanker:
    """The product of the two calibrated probabilities."""

    def rank(self, viewer: Sides, candidates: Sides) -> Ranked:
        """See `Ranker.rank`."""
        there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
        both = log_sigmoid(np.stack((there, back))).sum(axis=0)
        features = np.empty((len(there), len(FEATURE_NAMES)), np.float32)
        features[:, 0], features[:, 1] = there, back
        features[:, 2], features[:, 3] = viewer.given_logit, viewer.received_logit
        features[:, 4], features[:, 5] = candidates.given_logit, candidates.received_logit
        return Ranked(both.astype(np.float16).astype(np.float64), features)
