"""Prices of nobody in particular."""

import numpy as np

from features.prices import KNOTS, Prices


def random_prices(rng: np.random.Generator, n: int) -> Prices:
    """Of n people; half of them cost something, less where they like who looks at them more."""
    knots = np.sort(rng.normal(-0.5, 1.0, (n, KNOTS)), axis=1).astype(np.float32)
    nats = -np.sort(-rng.uniform(0.0, 1.2, (n, KNOTS)), axis=1).astype(np.float32)
    return Prices(knots, nats * (rng.random((n, 1)) < 0.5)).rounded()
