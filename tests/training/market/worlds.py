"""Markets small enough to try everything."""

from collections.abc import Iterator
from itertools import permutations, product

import numpy as np
import numpy.typing as npt

from training.market.rankings import examination
from training.market.su import Applications
from training.market.tomita_yokoyama import MutualMarket

Floats = npt.NDArray[np.float64]


def mutual(left: int, right: int, seed: int) -> MutualMarket:
    """Uniform tastes."""
    rng = np.random.default_rng(seed)
    return MutualMarket(rng.random((left, right)), rng.random((right, left)))


def applications(candidates: int, jobs: int, seed: int) -> Applications:
    """Uniform tastes."""
    rng = np.random.default_rng(seed)
    return Applications(rng.random((candidates, jobs)), rng.random((jobs, candidates)))


def every_ranking(viewers: int, candidates: int) -> Iterator[Floats]:
    """Exposures (n, m) of every way to rank the candidates for each viewer."""
    v = examination(candidates)
    rows = [v[list(order)] for order in permutations(range(candidates))]
    yield from (np.array(each) for each in product(rows, repeat=viewers))


def by_simulation(market: Applications, exposures: Floats, rounds: int) -> float:
    """Expected matches by drawing who applies, and reading them in order."""
    rng = np.random.default_rng(0)
    total = 0.0
    for _ in range(rounds):
        applied = rng.random(exposures.shape) < market.f * exposures
        for job, wanted in enumerate(market.g):
            came = np.sort(wanted[applied[:, job]])[::-1]
            total += float(came @ examination(len(came)))
    return total / rounds
