"""Taste and appeal: implicit ALS with likes as confident preferences and passes as negatives."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from features.fold_in import PASS, FoldInParameters, fold_in_many, gram_of
from training.cold_start import fill_by_band
from training.datasets import Swipes
from training.snapshot import People

Floats = npt.NDArray[np.float32]

_SCALE: Final = 0.1


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """How factors are learned. A refit starts from earlier factors and needs fewer iterations."""

    d: int = 32
    fold_in: FoldInParameters = FoldInParameters(  # noqa: RUF009  (frozen)
        like_confidence=200.0,
        superlike_confidence=400.0,
        pass_confidence=200.0,
        regularisation=600.0,
    )
    iterations: int = 8
    refit_iterations: int = 3


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """taste, appeal (n, d) float32; `taste` is the exact fold-in over `appeal`."""

    taste: Floats
    appeal: Floats


def fit_factors(
    swipes: Swipes,
    people: People,
    settings: FactorSettings,
    rng: np.random.Generator,
    start: Factors | None = None,
) -> Factors:
    """Factors of everybody; equal generators give equal factors. Seconds for two million swipes.

    People without swipes made (or received) have the mean taste (or appeal) of their band.
    """
    n = len(people)
    model = AlternatingLeastSquares(
        factors=settings.d,
        regularization=settings.fold_in.regularisation,
        iterations=settings.refit_iterations if start else settings.iterations,
        random_state=int(rng.integers(2**31)),
    )
    model.user_factors = start.taste.copy() if start else _initial(n, settings.d, rng)
    model.item_factors = start.appeal.copy() if start else _initial(n, settings.d, rng)
    with threadpool_limits(1, "blas"):
        model.fit(_confidences(swipes, n, settings.fold_in), show_progress=False)
        received = np.bincount(swipes.candidate, minlength=n) > 0
        appeal = fill_by_band(np.asarray(model.item_factors, np.float32), received, people.band)
        histories = swipes.histories(n)
        taste = fold_in_many(appeal, histories, gram_of(appeal), settings.fold_in)
    return Factors(fill_by_band(taste, np.diff(histories.indptr) > 0, people.band), appeal)


def _initial(people: int, d: int, rng: np.random.Generator) -> Floats:
    return (rng.standard_normal((people, d), dtype=np.float32)) * np.float32(_SCALE)


def _confidences(swipes: Swipes, people: int, parameters: FoldInParameters) -> csr_matrix:
    """(people, people) float32; negative where the swipe was a pass, as implicit wants it."""
    value = parameters.confidences()[swipes.action] * np.where(swipes.action == PASS, -1.0, 1.0)
    shape = (people, people)
    return csr_matrix((value.astype(np.float32), (swipes.viewer, swipes.candidate)), shape)
