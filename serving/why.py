"""Why a card is in the deck: the parts of its score that a typical person would not have.

Only what moved the score is named. Distance and age are constraints here: they let a card in and
do not lift it, so they are no reasons.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from contracts.ranking_pb2 import (
    WHY_CODE_LIKES_YOU_PROBABLY,
    WHY_CODE_MAY_LIKE_YOU,
    WHY_CODE_OFTEN_LIKED,
    WHY_CODE_YOUR_PHOTO_TASTE,
    WHY_CODE_YOUR_TASTE,
)
from features.behaviour import GENDERS
from features.release import Release
from features.score import Sides, like_logits, log_sigmoid

Floats = npt.NDArray[np.float32]

_CODES: Final = np.array(
    [
        WHY_CODE_YOUR_TASTE,
        WHY_CODE_YOUR_PHOTO_TASTE,
        WHY_CODE_LIKES_YOU_PROBABLY,
        WHY_CODE_OFTEN_LIKED,
    ],
    np.uint8,
)
_LEAST_LIFT: Final = 0.2
"""In the log of the expected match: 22% more matches than with a typical person's part."""
_MOST: Final = 2
_PIECE: Final = 50_000


def typical(release: Release) -> Sides:
    """The mean person of each gender (3,), in order of the genders; of all where there is none."""
    gender = np.asarray(release.arrays.columns["gender"])
    # (3, n): whom each mean is of.
    groups = np.stack([gender == g for g in GENDERS])
    groups[~groups.any(axis=1)] = True
    total: dict[str, npt.NDArray[np.float64]] = {}
    # Piece by piece: copies of a million people's factors would double what a release takes.
    for start in range(0, len(gender), _PIECE):
        piece = slice(start, start + _PIECE)
        sides = _sides(release, piece, gender[piece])
        weights = groups[:, piece].astype(np.float64)
        for name in Sides.__dataclass_fields__:
            added = np.tensordot(weights, getattr(sides, name), axes=1)
            total[name] = total[name] + added if name in total else added
    counts = np.maximum(1, groups.sum(axis=1))
    return Sides(**{name: (each.T / counts).T.astype(np.float32) for name, each in total.items()})


def _sides(release: Release, piece: slice, gender: npt.NDArray[np.uint8]) -> Sides:
    """Of the people of some rows."""
    names = ("taste", "appeal", "given_rate", "received_rate", "line")
    tables = {name: np.asarray(getattr(release.arrays, name)[piece]) for name in names}
    return Sides.of(**tables, gender=gender, calibrations=release.manifest.calibration)


def reasons(
    viewer: Sides, candidates: Sides, gender: npt.NDArray[np.uint8], means: Sides, e: int = 0
) -> tuple[npt.NDArray[np.uint8], Floats]:
    """At most two reasons for each candidate (m,), strongest first: `WhyCode`s (m, 2), 0 where
    nothing (more) stood out, and their parameters (m, 2).

    `gender` (m,) chooses who of `means` (3,), see `typical`, each candidate is held against; the
    last `e` factors are of photos.
    """
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    held_against = gender.astype(np.int64) - GENDERS[0]
    parts = _lifts(viewer, candidates, there, back, means, held_against, e)
    p_back = np.exp(log_sigmoid(back))[:, None]
    order = np.argsort(-parts, axis=1, kind="stable")[:, :_MOST]
    strength = np.take_along_axis(parts, order, axis=1)
    codes = _CODES[order]
    of_liking = codes == WHY_CODE_LIKES_YOU_PROBABLY
    percent, times = 5 * np.round(20 * p_back), np.round(np.exp(strength), 1)
    values = np.where(of_liking, percent, times)
    codes[of_liking & (p_back < 0.5)] = WHY_CODE_MAY_LIKE_YOU
    codes[strength < _LEAST_LIFT] = 0
    return codes, values.astype(np.float32)


def _lifts(
    viewer: Sides,
    candidates: Sides,
    there: Floats,
    back: Floats,
    means: Sides,
    of: npt.NDArray[np.int64],
    e: int,
) -> Floats:
    """How far each part lifts the log expected match (m, 4) above a typical person's part.

    In order of the codes: the viewer's taste for them; for their photos; their liking the viewer;
    how often they are liked. `there` and `back` (m,) are the logits both ways, `of` (m,) who of
    `means` (3,) is each candidate's typical person.
    """
    liked_by, d = like_logits(means, viewer), candidates.appeal.shape[1] - e

    def taste(block: slice) -> Floats:
        own = viewer.taste[0, block]
        beyond = candidates.appeal[:, block] @ own - (means.appeal[:, block] @ own)[of]
        return np.asarray(viewer.k * beyond, np.float32)

    parts = np.stack(
        (
            taste(slice(0, d)),
            taste(slice(d, None)),
            back - liked_by[of],
            viewer.w_received * (candidates.received_logit - means.received_logit[of]),
        )
    )
    logits = np.stack((there, there, back, there))
    return (log_sigmoid(logits) - log_sigmoid(logits - parts)).T
