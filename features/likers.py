"""What others have answered before they are asked: who likes the viewer already is sure to like
back, who has passed on them is not.

Unless they like nearly everybody, as bots do and people who swipe right on all: then a like says
nothing of this viewer, and they are ranked as if they had not swiped yet.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import logit
from features.score import Sides

Bools = npt.NDArray[np.bool_]

LIKES_NEARLY_ALL: Final = 0.9
"""The smoothed rate above which somebody's likes say nothing."""
BEHIND: Final = 20.0
"""So many nats are taken off the score of who has passed on the viewer: as decks are drawn, by
tenths of a nat, all others precede them; at a temperature of 2 in a tiny world one in thousands
does not."""
_MOST: Final = float(logit(np.float32(LIKES_NEARLY_ALL)))


def selective(people: Sides) -> Bools:
    """Whose likes say something, of people (n,)."""
    return np.asarray(people.given_logit <= _MOST, np.bool_)


def sure(candidates: Sides, liked: Bools) -> Bools:
    """Who likes the viewer back for certain (m,), of candidates (m,) of whom some `liked` (m,) the
    viewer and wait for an answer."""
    return liked & selective(candidates)
