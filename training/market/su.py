"""The market of Su, Bayoumi and Joachims, 'Optimizing Rankings for Recommendation in Matching
Markets' (WWW 2022): candidates get a list of jobs and apply; employers read who applied.

A candidate examines position k with probability 1/k and applies with f. An employer has the
applicants that really came, orders them by g, reads the k-th of them with probability 1/k and
accepts with g. So positions are draws and not expectations: with N ahead among those who could have
applied (independent of each other, each with its own probability), an application is read with

    E[1 / (1 + N)] = integral over z from 0 to 1 of prod (1 - x_k + x_k z),

the generating function of N, whose integral Gauss-Legendre nodes give to machine precision. The
published figures, from simulation, are of draws too. (At the expected position 1 / (1 + E[N]) the
same rankings give some tenth less: Jensen.)
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

JOBS: Final = 100
CANDIDATES: Final = 150
SEED: Final = 621
_NODES: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Gains:
    """Expected `matches` of exposures, and what one more exposure of each pair adds (c, j)."""

    matches: float
    each: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Applications:
    """f (c, j): who examines a job applies; g (j, c): who is read is accepted."""

    f: Floats
    g: Floats

    @classmethod
    def published(cls, common: float) -> Self:
        """100 jobs and 150 candidates, NumPy's legacy seed 621, f drawn before g: uniform, and so
        far (0 to 1, the paper's lambda) on the way to a common order (n, n - 1 … 1) / n."""
        random = np.random.RandomState(SEED)
        f = random.random_sample((CANDIDATES, JOBS))
        g = random.random_sample((JOBS, CANDIDATES))
        return cls(_mixed(f, common), _mixed(g, common))

    def matches(self, exposures: Floats) -> float:
        """Expected matches of exposures (c, j)."""
        return self.gains(exposures).matches

    def gains(self, exposures: Floats, nodes: int = _NODES) -> Gains:
        """Also what more of each would add: a match of its own, less the pair's own congestion."""
        order = np.argsort(-self.g, axis=1, kind="stable")
        applies = np.take_along_axis((self.f * exposures).T, order, axis=1)
        read = _Inbox.of(applies, np.take_along_axis(self.g, order, axis=1), nodes)
        each = np.empty_like(applies)
        np.put_along_axis(each, order, read.gain, axis=1)
        return Gains(read.matches, each.T * self.f)


def _mixed(taste: Floats, common: float) -> Floats:
    n = taste.shape[1]
    falling = np.arange(n, 0, -1) / n
    return np.asarray(np.clip((1.0 - common) * taste + common * falling, 0.0, 1.0), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class _Inbox:
    """Of applicants (j, c) in the order in which they are read."""

    matches: float
    gain: Floats

    @classmethod
    def of(cls, applies: Floats, accepted: Floats, nodes: int) -> Self:
        """gain (j, c) of one more application: read and accepted, less what those behind lose."""
        at, weight = np.polynomial.legendre.leggauss(nodes)
        z, dz = (at[:, None, None] + 1.0) / 2.0, weight / 2.0
        passed = 1.0 - applies + applies * z
        ahead = np.ones_like(passed)
        np.cumprod(passed[:, :, :-1], axis=2, out=ahead[:, :, 1:])
        read = np.tensordot(dz, ahead, 1)
        own = ahead * (applies * accepted)
        behind = np.cumsum(own[:, :, ::-1], axis=2)[:, :, ::-1] - own
        # One certain applicant more where there was one with x: z in the place of 1 - x + x z.
        lost = np.tensordot(dz, behind * (1.0 - z) / np.maximum(passed, 1e-300), 1)
        return cls(float(np.sum(applies * accepted * read)), accepted * read - lost)
