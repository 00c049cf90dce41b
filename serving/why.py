"""Why a card is in the deck: the parts of its score that a typical person would not have.

Only what moved the score is named. Distance and age are constraints here: they let a card in and
do not lift it, so they are no reasons.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.ranking import Why
from features.behaviour import GENDERS
from features.release import Release
from features.score import Sides, like_logits, log_sigmoid

Floats = npt.NDArray[np.float32]

YOUR_TASTE: Final = "your_taste"
LIKES_YOU_PROBABLY: Final = "likes_you_probably"
MAY_LIKE_YOU: Final = "may_like_you"
OFTEN_LIKED: Final = "often_liked"
_CODES: Final = (YOUR_TASTE, LIKES_YOU_PROBABLY, OFTEN_LIKED)
_LEAST_LIFT: Final = 0.2
"""In the log of the expected match: 22% more matches than with a typical person's part."""
_MOST: Final = 2


def typical(release: Release) -> Sides:
    """The mean person of each gender (3,), in order of the genders; of all where there is none."""
    a = release.arrays
    gender = np.asarray(a.columns["gender"])
    sides = Sides.of(
        a.taste,
        a.appeal,
        a.given_rate,
        a.received_rate,
        a.line,
        gender,
        release.manifest.calibration,
    )
    groups = [np.flatnonzero(gender == g) for g in GENDERS]
    rows = [group if len(group) else np.arange(len(gender)) for group in groups]
    names = Sides.__dataclass_fields__
    return Sides(
        **{
            name: np.stack([getattr(sides, name)[each].mean(axis=0) for each in rows])
            for name in names
        }
    )


def reasons(
    viewer: Sides, candidates: Sides, gender: npt.NDArray[np.uint8], means: Sides
) -> list[list[Why]]:
    """At most two reasons for each candidate (m,), strongest first; none where none stood out.

    `gender` (m,) chooses who of `means` (3,), see `typical`, each candidate is held against.
    """
    parts = lifts(viewer, candidates, means.take(gender.astype(np.int64) - GENDERS[0]))
    p_back = np.exp(log_sigmoid(like_logits(candidates, viewer)))
    order = np.argsort(-parts, axis=1, kind="stable")[:, :_MOST]
    strength = np.take_along_axis(parts, order, axis=1)
    rows = zip(order.tolist(), strength.tolist(), p_back.tolist(), strict=True)
    return [
        [_why(code, lift, p) for code, lift in zip(codes, by, strict=True) if lift >= _LEAST_LIFT]
        for codes, by, p in rows
    ]


def lifts(viewer: Sides, candidates: Sides, means: Sides) -> Floats:
    """How far each part lifts the log expected match (m, 3) above a typical person's part.

    In order of the codes: the viewer's taste for them; their liking the viewer; how often they
    are liked. `means` (m,) are the typical persons.
    """
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    taste = viewer.k * ((candidates.appeal - means.appeal) @ viewer.taste[0])
    liking = back - like_logits(means, viewer)
    often = viewer.w_received * (candidates.received_logit - means.received_logit)
    parts = (_lift(there, taste), _lift(back, liking), _lift(there, often))
    return np.column_stack(parts).astype(np.float32)


def _lift(logits: Floats, part: Floats) -> Floats:
    """What `part` (m,) of the logits (m,) adds to log sigma."""
    return log_sigmoid(logits) - log_sigmoid(logits - part)


def _why(code: int, lift: float, p_back: float) -> Why:
    if _CODES[code] == LIKES_YOU_PROBABLY:
        word = LIKES_YOU_PROBABLY if p_back >= 0.5 else MAY_LIKE_YOU
        return Why(code=word, parameters={"percent": 5 * round(20 * p_back)})
    return Why(code=_CODES[code], parameters={"times": round(float(np.exp(lift)), 1)})
