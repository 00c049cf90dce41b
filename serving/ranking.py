"""The final order: log of the expected match, from fresh features of both sides.

`Ranker` is the seam: the torch ranker will read the same two sides and give the same kind of score.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from features.behaviour import logit
from features.score import like_logits, log_sigmoid
from serving.people import Scored

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

    def rank(self, viewer: Scored, candidates: Scored) -> Ranked:
        """Score all candidates at once."""
        ...


class ProductRanker:
    """The product of the two calibrated probabilities."""

    def rank(self, viewer: Scored, candidates: Scored) -> Ranked:
        """See `Ranker.rank`."""
        there = like_logits(viewer.sides, candidates.sides)
        back = like_logits(candidates.sides, viewer.sides)
        scores = (log_sigmoid(there) + log_sigmoid(back)).astype(np.float16).astype(np.float64)
        return Ranked(scores, _features(viewer, candidates, there, back))


def _features(viewer: Scored, candidates: Scored, there: Floats, back: Floats) -> Floats:
    of_viewer = (logit(viewer.given_rate), logit(viewer.received_rate))
    columns = (
        there,
        back,
        *(np.broadcast_to(column, there.shape) for column in of_viewer),
        logit(candidates.given_rate),
        logit(candidates.received_rate),
    )
    return np.column_stack(columns).astype(np.float32)
