"""Latent directions of appeal from swipes alone: `implicit` ALS, passes as weak negatives."""

from dataclasses import dataclass, replace

import numpy as np

from training.datasets import Swipes
from training.factorisation.als import Als
from training.factorisation.interactions import Interactions, decayed
from training.factorisation.tables import Tables


@dataclass(frozen=True, slots=True)
class LatentSettings:
    """Of the factorisation: a like is preference 1, a pass 0, both far surer than the unseen.

    What is older than others counts less: half after `half_life_days`.
    """

    d: int = 8
    confidence: float = 100.0
    superlike_weight: float = 2.0
    half_life_days: float = 90.0
    regularisation: float = 1000.0
    iterations: int = 6
    refit_iterations: int = 2


def fit_latent(
    swipes: Swipes,
    people: int,
    settings: LatentSettings,
    rng: np.random.Generator,
    start: Tables | None = None,
) -> Tables:
    """Choosers (`user`) and chosen (`item`) of all; zeros for who has no swipe, and without likes.

    A warm start keeps the directions and needs fewer iterations.
    """
    if not swipes.liked.any():
        nothing = np.zeros((people, settings.d), np.float32)
        return Tables.unbiased(nothing, nothing)
    trainer = Als(settings.d, settings.confidence, settings.regularisation, settings.iterations)
    if start is not None:
        trainer = replace(trainer, iterations=settings.refit_iterations)
    return trainer.fit(interactions_of(swipes, people, settings), int(rng.integers(2**31)), start)


def interactions_of(swipes: Swipes, people: int, settings: LatentSettings) -> Interactions:
    """Swipes as interactions of people with people, weighted by kind and age."""
    kind = np.where(swipes.superliked, settings.superlike_weight, 1.0).astype(np.float32)
    end_ms = int(swipes.at_ms.max(initial=0))
    weight = decayed(kind, swipes.at_ms, end_ms, settings.half_life_days)
    return Interactions(people, people, swipes.viewer, swipes.candidate, swipes.liked, weight)
