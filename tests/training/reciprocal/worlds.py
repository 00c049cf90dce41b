"""Tiny worlds of ratings with a known answer."""

import numpy as np

from training.reciprocal.ratings import Floats, Ratings


def checkerboard(people: int = 60, seed: int = 0) -> Ratings:
    """Even people rate even ones 10 and odd ones 1, odd people the other way: 40% of all pairs."""
    rng = np.random.default_rng(seed)
    rater, rated = np.nonzero(~np.eye(people, dtype=bool) & (rng.random((people, people)) < 0.4))
    return Ratings.of(people, rater, rated, np.where((rater + rated) % 2 == 0, 10, 1))


def additive(people: int = 20) -> tuple[Ratings, Floats]:
    """Ratings of all by all, the sum of what the rater and the rated bring; and those sums."""
    kind = np.arange(people) % 3
    fair = np.arange(people) % 5
    rater, rated = np.nonzero(~np.eye(people, dtype=bool))
    rating = 1 + kind[rater] + fair[rated]
    truth = np.asarray(1.0 + kind[:, None] + fair[None, :], np.float64)
    return Ratings.of(people, rater, rated, rating), truth


def noisy(people: int = 80, share: float = 0.3, seed: int = 0) -> Ratings:
    """Tastes of one direction, biases and noise, graded into ten."""
    rng = np.random.default_rng(seed)
    given, received, taste, appeal = rng.standard_normal((4, people))
    rater, rated = np.nonzero(~np.eye(people, dtype=bool) & (rng.random((people, people)) < share))
    opinion = 0.5 * given[rater] + received[rated] + taste[rater] * appeal[rated]
    opinion += 0.5 * rng.standard_normal(len(rater))
    return Ratings.of(people, rater, rated, np.clip(np.round(5.5 + 2.0 * opinion), 1, 10))
