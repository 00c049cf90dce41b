"""Taste and appeal, in two blocks of directions.

- Observed: attributes, turned so that the directions come in the order in which tastes vary along
  them, each scaled by that variation. A like on one kind of people tells something of all of them,
  and people with few swipes have an appeal.
- Latent: the directions that `implicit` ALS finds in the swipes beyond attributes, all scaled by
  one variance, measured on swipes that the factorisation has not seen.

Scaled like this, tastes have unit variance around what a person's own attributes let expect, and
the fold-in is a ridge of 1 (features/fold_in.py). docs/decisions/0040 has the measurements.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from features.behaviour import GENDERS, logit
from features.fold_in import FoldIn, FoldInParameters
from training.datasets import Swipes
from training.latent import Latent, LatentSettings, fit_latent
from training.rates import Priors, count, received_rate
from training.rates_model import rates_model
from training.snapshot import People
from training.tastes import expected_tastes, taste_covariance

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

_MOST_COLUMNS: Final = 64
_LEAST_SPREAD: Final = 0.02
_MOST_PRIOR_VIEWERS: Final = 12_000
_LEAST_VARIANCE: Final = 1e-3
_MOST_VARIANCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """How factors are learned; d = observed_d + latent.d."""

    observed_d: int = 8
    latent: LatentSettings = LatentSettings()  # noqa: RUF009  (frozen)
    superlike_weight: float = 2.0
    regularisation: float = 1.0

    @property
    def d(self) -> int:
        """Length of a factor vector."""
        return self.observed_d + self.latent.d


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What was found about directions, kept by refits.

    observed (n, observed_d) and prior (n, d) are of people; `latent_variance` one number.
    """

    observed: Floats64
    prior: Floats
    latent_variance: float
    parameters: FoldInParameters


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """taste, prior, appeal (n, d) float32; `taste` is the fold-in over `appeal` around `prior`."""

    taste: Floats
    prior: Floats
    appeal: Floats
    latent: Latent
    basis: Basis


def find_basis(
    swipes: Swipes,
    people: People,
    priors: Priors,
    settings: FactorSettings,
    rng: np.random.Generator,
) -> Basis:
    """Directions from swipes in order of time; the later half judges the ALS of the earlier."""
    counts = count(swipes, len(people))
    rates = rates_model(swipes, counts, priors)
    parameters = FoldInParameters(
        rates.intercept,
        rates.w_given,
        rates.w_received,
        settings.superlike_weight,
        settings.regularisation,
    )
    with threadpool_limits(1, "blas"):
        white = _whiten(observed_columns(people), swipes)
        observed = _observed_block(white, swipes, rates.p_like, settings.observed_d)
        received = logit(received_rate(counts, priors))
        fold_in = FoldIn(observed.astype(np.float32), received, priors.given, parameters)
        prior = _prior(white, people, swipes, fold_in, rng)
        variance = _latent_variance(swipes, people, observed, rates.p_like, settings, rng)
    padded = np.pad(prior, ((0, 0), (0, settings.latent.d))).astype(np.float32)
    return Basis(observed, padded, variance, parameters)


def fit_factors(
    swipes: Swipes,
    people: People,
    priors: Priors,
    basis: Basis,
    settings: FactorSettings,
    rng: np.random.Generator,
    start: Factors | None = None,
) -> Factors:
    """Factors of everybody after `swipes`; equal generators give equal factors."""
    n = len(people)
    latent = fit_latent(swipes, n, settings.latent, rng, start.latent if start else None)
    counts = count(swipes, n)
    with threadpool_limits(1, "blas"):
        directions = _latent_block(latent, basis.observed, people, swipes)
        scaled = directions * np.sqrt(basis.latent_variance)
        appeal = np.concatenate((basis.observed, scaled), axis=1).astype(np.float32)
        fold_in = FoldIn(
            appeal, logit(received_rate(counts, priors)), priors.given, basis.parameters
        )
        taste = fold_in.tastes(swipes.histories(n), basis.prior)
    return Factors(taste, basis.prior, appeal, latent, basis)


def observed_columns(people: People) -> Floats64:
    """Attributes (n, q), centred within each gender: what differs between genders is no taste."""
    columns = _centred_by_gender(people.attributes.astype(np.float64), people)
    if columns.shape[1] <= _MOST_COLUMNS:
        return columns
    _, axes = np.linalg.eigh(columns.T @ columns)
    return np.asarray(columns @ axes[:, ::-1][:, :_MOST_COLUMNS], np.float64)


def _centred_by_gender(columns: Floats64, people: People) -> Floats64:
    centred = columns.copy()
    for gender in np.unique(people.gender):
        rows = people.gender == gender
        centred[rows] -= centred[rows].mean(axis=0)
    return centred


def _whiten(columns: Floats64, swipes: Swipes) -> Floats64:
    """Coordinates (n, r) of unit covariance over the cards shown; directions of no spread go."""
    shown = np.bincount(swipes.candidate, minlength=len(columns)) / len(swipes)
    centred = columns - shown @ columns
    spread, axes = np.linalg.eigh(centred.T @ (shown[:, None] * centred))
    kept = spread > _LEAST_SPREAD * max(float(spread.max(initial=0.0)), 1e-12)
    return np.asarray(centred @ (axes[:, kept] / np.sqrt(spread[kept])), np.float64)


def _observed_block(white: Floats64, swipes: Swipes, p_like: Floats64, d: int) -> Floats64:
    """Appeals (n, d) in the directions along which tastes vary most, scaled by how far.

    Where there are fewer directions than d, the rest is zero.
    """
    variance, axes = np.linalg.eigh(taste_covariance(white, swipes, p_like))
    scale = np.sqrt(np.clip(variance[::-1][:d], _LEAST_VARIANCE, _MOST_VARIANCE))
    appeal = white @ axes[:, ::-1][:, :d] * scale
    return np.pad(appeal, ((0, 0), (0, d - appeal.shape[1])))


def _prior(
    white: Floats64, people: People, swipes: Swipes, fold_in: FoldIn, rng: np.random.Generator
) -> Floats64:
    """Tastes (n, observed d) that gender and attributes let expect."""
    is_gender = (people.gender[:, None] == np.array(GENDERS)).astype(np.float64)
    histories = swipes.histories(len(people))
    viewers = np.sort(rng.permutation(np.flatnonzero(histories.counts))[:_MOST_PRIOR_VIEWERS])
    own = np.concatenate((is_gender, white), axis=1)
    return expected_tastes(own, viewers, histories.of(viewers), fold_in)


def _latent_variance(
    swipes: Swipes,
    people: People,
    observed: Floats64,
    p_like: Floats64,
    settings: FactorSettings,
    rng: np.random.Generator,
) -> float:
    """Mean variance of tastes along latent directions, on swipes that did not make them."""
    half = len(swipes) // 2
    early, late = swipes.take(slice(0, half)), swipes.take(slice(half, None))
    latent = fit_latent(early, len(people), settings.latent, rng)
    directions = _latent_block(latent, observed, people, swipes)
    found = taste_covariance(directions, late, p_like[half:])
    return float(np.clip(np.trace(found) / len(found), _LEAST_VARIANCE, _MOST_VARIANCE))


def _latent_block(latent: Latent, observed: Floats64, people: People, swipes: Swipes) -> Floats64:
    """Directions (n, latent d) beyond the observed ones, white over the cards shown."""
    columns = _centred_by_gender(latent.chosen.astype(np.float64), people)
    shown = np.bincount(swipes.candidate, minlength=len(columns))[:, None]
    left = observed.T @ (shown * observed) + 1e-6 * np.eye(observed.shape[1])
    beyond = columns - observed @ np.linalg.solve(left, observed.T @ (shown * columns))
    white = _whiten(beyond, swipes)
    return np.pad(white, ((0, 0), (0, columns.shape[1] - white.shape[1])))
