"""Why a card is where it is: the parts of the score that lifted it above the others retrieved.

Only what moved the score is named. Distance and age are constraints here: they let a card in and
do not lift it, so they are no reasons.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.ranking import Why
from features.score import Sides, like_logits

Floats = npt.NDArray[np.float32]

YOUR_TASTE: Final = "your_taste"
LIKES_YOU_PROBABLY: Final = "likes_you_probably"
MAY_LIKE_YOU: Final = "may_like_you"
OFTEN_LIKED: Final = "often_liked"
_CODES: Final = (YOUR_TASTE, LIKES_YOU_PROBABLY, OFTEN_LIKED)
_LEAST_LIFT: Final = 0.2
"""In the log of the expected match: 22% more matches than the mean of those retrieved."""
_MOST: Final = 2


def lifts(viewer: Sides, candidates: Sides) -> Floats:
    """How far each part moved the log expected match (m, 3) above the mean, in order of the codes.

    First-order: a part of a logit counts by the slope of log sigma there.
    """
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    taste = viewer.k * (candidates.appeal @ viewer.taste[0])
    often = viewer.w_received * candidates.received_logit
    slope_there, slope_back = _slope(there), _slope(back)
    parts = np.column_stack(
        (
            slope_there * (taste - taste.mean()),
            slope_back * (back - back.mean()),
            slope_there * (often - often.mean()),
        )
    )
    return parts.astype(np.float32)


def reasons(viewer: Sides, candidates: Sides) -> list[list[Why]]:
    """At most two reasons for each candidate (m,), strongest first; none where none stood out."""
    if not len(candidates.k):
        return []
    parts = lifts(viewer, candidates)
    p_back = 1.0 / (1.0 + np.exp(-like_logits(candidates, viewer)))
    order = np.argsort(-parts, axis=1, kind="stable")[:, :_MOST]
    strength = np.take_along_axis(parts, order, axis=1)
    rows = zip(order.tolist(), strength.tolist(), p_back.tolist(), strict=True)
    return [
        [_why(code, lift, p) for code, lift in zip(codes, by, strict=True) if lift >= _LEAST_LIFT]
        for codes, by, p in rows
    ]


def _why(code: int, lift: float, p_back: float) -> Why:
    if _CODES[code] == LIKES_YOU_PROBABLY:
        word = LIKES_YOU_PROBABLY if p_back >= 0.5 else MAY_LIKE_YOU
        return Why(code=word, parameters={"percent": 5 * round(20 * p_back)})
    return Why(code=_CODES[code], parameters={"times": round(float(np.exp(lift)), 1)})


def _slope(logits: Floats) -> Floats:
    """d log sigma(x) / dx (m,) = sigma(-x)."""
    return np.asarray(1.0 / (1.0 + np.exp(logits)), np.float32)
