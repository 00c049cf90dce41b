"""Latent directions of appeal from swipes alone: `implicit` ALS, passes as weak negatives."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from implicit.cpu.als import AlternatingLeastSquares
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from training.datasets import Swipes

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LatentSettings:
    """Of the factorisation: a like is preference 1, a pass 0, both far surer than the unseen."""

    d: int = 8
    confidence: float = 100.0
    superlike_weight: float = 2.0
    regularisation: float = 1000.0
    iterations: int = 6
    refit_iterations: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Latent:
    """Chooser and chosen factors (n, d) float32; zeros for who has no swipe."""

    chooser: Floats
    chosen: Floats


def fit_latent(
    swipes: Swipes,
    people: int,
    settings: LatentSettings,
    rng: np.random.Generator,
    start: Latent | None = None,
) -> Latent:
    """Factors of everybody; a warm start keeps their directions and needs fewer iterations."""
    model = AlternatingLeastSquares(
        factors=settings.d,
        regularization=settings.regularisation,
        iterations=settings.refit_iterations if start else settings.iterations,
        random_state=0,
    )
    model.user_factors = start.chooser.copy() if start else _random(people, settings.d, rng)
    model.item_factors = start.chosen.copy() if start else _random(people, settings.d, rng)
    with threadpool_limits(1, "blas"):
        model.fit(_signed_confidences(swipes, people, settings), show_progress=False)
    return Latent(
        np.asarray(model.user_factors, np.float32), np.asarray(model.item_factors, np.float32)
    )


def _random(people: int, d: int, rng: np.random.Generator) -> Floats:
    return rng.standard_normal((people, d), dtype=np.float32) * np.float32(0.1)


def _signed_confidences(swipes: Swipes, people: int, settings: LatentSettings) -> csr_matrix:
    """(people, people) float32; negative where the swipe was a pass, as implicit wants it."""
    value = np.where(swipes.superliked, settings.superlike_weight, 1.0) * settings.confidence
    signed = np.where(swipes.liked, value, -value).astype(np.float32)
    return csr_matrix((signed, (swipes.viewer, swipes.candidate)), (people, people))
