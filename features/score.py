"""The calibrated logits of a pair, and the one inner product that stands for both (DESIGN §3).

    x(u->v) = k taste_u.appeal_v + w_given logit(given_u) + w_received logit(received_v) + intercept

with the coefficients of u's gender; a match has log probability log s(x(u->v)) + log s(x(v->u)),
and alpha_v + beta_v x(v->u) stands in for the second term, beta_u x(u->v) for the first. Lines are
fitted to the probabilities of the ranker, which corrects the logits (training.lines). A candidate's
price is a function of x(v->u) too; one number stands in for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS, logit

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Coefficients of x(u->v) for viewers u of one gender."""

    k: float
    w_given: float
    w_received: float
    intercept: float


Calibrations = dict[int, Calibration]
"""By gender of the viewer; every gender has one."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What scoring needs of n people, each as chooser and as chosen.

    taste, appeal (n, d); given_logit, received_logit (n,); line (n, 2) alpha and beta;
    k, w_received, offset (n,): the calibration of each one's gender as chooser, where
    offset = w_given logit(given) + intercept. All float32.
    """

    taste: Floats
    appeal: Floats
    given_logit: Floats
    received_logit: Floats
    line: Floats
    k: Floats
    w_received: Floats
    offset: Floats

    @classmethod
    def of(
        cls,
        taste: Floats,
        appeal: Floats,
        given_rate: Floats,
        received_rate: Floats,
        line: Floats,
        gender: npt.ArrayLike,
        calibrations: Mapping[int, Calibration],
    ) -> Self:
        """From factors (n, d), smoothed rates (n,), lines (n, 2) and genders (n,)."""
        by_gender = np.zeros((GENDERS[-1] + 1, 4), np.float32)
        for number, c in calibrations.items():
            by_gender[number] = c.k, c.w_given, c.w_received, c.intercept
        k, w_given, w_received, intercept = by_gender[np.asarray(gender, np.int64)].T
        given, received = logit(given_rate), logit(received_rate)
        offset = w_given * given + intercept
        return cls(taste, appeal, given, received, line, k, w_received, offset)

    def take(self, rows: npt.NDArray[np.integer] | Sequence[int]) -> Self:
        """The people of the given rows, in that order."""
        at = np.asarray(rows, np.int64)
        return type(self)(*(getattr(self, name).take(at, axis=0) for name in _FIELDS))


_FIELDS: Final = tuple(Sides.__dataclass_fields__)


def query_vectors(viewers: Sides) -> Floats:
    """Queries (n, 2d + 3) float32."""
    beta = viewers.line[:, 1]
    return np.column_stack(
        (
            (beta * viewers.k)[:, None] * viewers.taste,
            viewers.appeal,
            beta * viewers.w_received,
            viewers.received_logit,
            np.ones_like(beta),
        )
    ).astype(np.float32)


def candidate_vectors(candidates: Sides, price: Floats) -> Floats:
    """Rows of the index (n, 2d + 3) float32, less what each of the candidates costs (n,)."""
    alpha, beta = candidates.line.T
    return np.column_stack(
        (
            candidates.appeal,
            (beta * candidates.k)[:, None] * candidates.taste,
            candidates.received_logit,
            beta * candidates.w_received,
            beta * candidates.offset + alpha - price,
        )
    ).astype(np.float32)


def like_logits(choosers: Sides, chosen: Sides) -> Floats:
    """x (n,) float32 of pairs: chooser i looks at chosen i; one of the two may have length 1."""
    score = np.vecdot(choosers.taste, chosen.appeal)
    x = choosers.k * score + choosers.offset + choosers.w_received * chosen.received_logit
    return np.asarray(x, np.float32)


def log_sigmoid(x: npt.ArrayLike) -> Floats:
    """log s(x) (n,) float32, exact for large |x|."""
    z = np.asarray(x, np.float32)
    return np.asarray(np.minimum(z, 0.0) - np.log1p(np.exp(-np.abs(z))), np.float32)


def match_scores(viewers: Sides, candidates: Sides) -> Floats:
    """log s(x(u->v)) + log s(x(v->u)) (n,) float32 of pairs; one side may have length 1."""
    there, back = like_logits(viewers, candidates), like_logits(candidates, viewers)
    return np.asarray(log_sigmoid(there) + log_sigmoid(back), np.float32)
