"""One normal prior over all that a person is, as chooser and as chosen.

A person has (bias given, taste) as chooser and (bias received, appeal) as chosen: p numbers in all,
z = B^T x + e, where x are covariates (training.reciprocal.company) and e has a full covariance. So
what somebody likes says something of who likes them, and the other way round. Normal-Wishart draws
as in Salakhutdinov & Mnih, Bayesian Probabilistic Matrix Factorization, ICML 2008, with covariates
as in Simm et al., Macau, MLSP 2017.
"""

from dataclasses import dataclass

import numpy as np

from training.reciprocal.ratings import Floats

_RIDGE = 1.0


@dataclass(frozen=True, slots=True)
class PriorSettings:
    """Before any evidence each number has about `variance`, which counts as `people` people."""

    variance: float = 0.05
    people: float = 50.0


@dataclass(frozen=True, slots=True, eq=False)
class JointPrior:
    """expected (n, p) and precision (p, p) of all numbers of n people."""

    expected: Floats
    precision: Floats

    def given_other(self, own: slice, other: slice, value: Floats) -> "JointPrior":
        """The prior of the numbers `own`, once those of `other` are known: value (n, |other|)."""
        precision = self.precision[own, own]
        pull = np.linalg.solve(precision, self.precision[own, other])
        expected = self.expected[:, own] - (value - self.expected[:, other]) @ pull.T
        return JointPrior(expected, precision)

    def draw(self, precision: Floats, pull: Floats, rng: np.random.Generator) -> Floats:
        """Numbers (n, p) of everybody from what their ratings add up to (links.Sums)."""
        total = precision + self.precision
        pulled = pull + self.expected @ self.precision
        noise = rng.standard_normal(pulled.shape)
        # A^-1 b + L^-T e has the mean A^-1 b and the covariance A^-1, in two solves.
        root = np.linalg.cholesky(total)
        half = np.linalg.solve(root, pulled[:, :, None])
        upper = np.swapaxes(root, 1, 2)
        return np.asarray(np.linalg.solve(upper, half + noise[:, :, None])[:, :, 0], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Hyper:
    """Draws the prior from people's numbers and their covariates (n, q)."""

    covariates: Floats
    inverse: Floats
    root: Floats
    settings: PriorSettings

    @classmethod
    def of(cls, covariates: Floats, settings: PriorSettings) -> "Hyper":
        """Prepares the regression on the covariates."""
        left = covariates.T @ covariates + _RIDGE * np.eye(covariates.shape[1])
        inverse = np.asarray(np.linalg.inv(left), np.float64)
        root = np.asarray(np.linalg.cholesky(inverse), np.float64)
        return cls(covariates, inverse, root, settings)

    def draw(self, people: Floats, rng: np.random.Generator) -> JointPrior:
        """The prior that people's numbers (n, p) let expect: covariance first, then coefficients.

        Matrix-normal and inverse-Wishart: conjugate.
        """
        n, p = people.shape
        mean = self.inverse @ (self.covariates.T @ people)
        left = people - self.covariates @ mean
        scatter = left.T @ left + _RIDGE * mean.T @ mean
        freedom = p + 2 + self.settings.people
        scatter += freedom * self.settings.variance * np.eye(p)
        precision = _wishart(freedom + n, scatter, rng)
        covariance_root = np.linalg.cholesky(np.linalg.inv(precision))
        coefficients = mean + self.root @ rng.standard_normal(mean.shape) @ covariance_root.T
        return JointPrior(self.covariates @ coefficients, precision)


def _wishart(freedom: float, scatter: Floats, rng: np.random.Generator) -> Floats:
    """A precision (p, p) of a scatter (p, p), by Bartlett's decomposition."""
    p = len(scatter)
    triangle = np.tril(rng.standard_normal((p, p)), -1)
    triangle[np.diag_indices(p)] = np.sqrt(rng.chisquare(freedom - np.arange(p)))
    half = np.linalg.cholesky(np.linalg.inv(scatter)) @ triangle
    return np.asarray(half @ half.T, np.float64)
