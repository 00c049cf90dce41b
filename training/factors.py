"""Taste and appeal, in three blocks of directions.

- Observed: attributes, turned so that the directions come in the order in which tastes vary along
  them, each scaled by that variation. A like on one kind of people tells something of all of them,
  and people with few swipes have an appeal.
- Latent: the directions that `implicit` ALS finds in the swipes beyond attributes, all scaled by
  one variance, measured on swipes that the factorisation has not seen.
- Photos: the directions of their embeddings along which tastes vary (training/photo_directions.py);
  none where there are no photos.

Scaled like this, tastes have unit variance around what a person's own attributes let expect, and
the fold-in is a ridge of 1 (features/fold_in.py). docs/decisions/0040 has the measurements.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from features.behaviour import logit
from features.fold_in import FoldIn, FoldInParameters
from training.coordinates import Own, centred_by_gender, whitened
from training.datasets import Swipes
from training.factorisation.tables import Tables
from training.latent import LatentSettings, fit_latent
from training.photo_directions import LEAST_VARIANCE, MOST_VARIANCE, PhotoAxes, find_photo_axes
from training.rates import LiveRates
from training.snapshot import People
from training.standing import Standing, held_out_logits
from training.tastes import expected_tastes, taste_covariance

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

_MOST_PRIOR_VIEWERS: Final = 12_000


@dataclass(frozen=True, slots=True)
class FactorSettings:
    """How factors are learned; d = observed_d + latent.d, beside at most `photo_d` of photos."""

    observed_d: int = 8
    photo_d: int = 8
    latent: LatentSettings = LatentSettings()  # noqa: RUF009  (frozen)
    superlike_weight: float = 2.0
    regularisation: float = 1.0

    @property
    def d(self) -> int:
        """Length of a factor vector without photos."""
        return self.observed_d + self.latent.d


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """What was found about directions, kept by refits.

    observed (n, observed_d), photo (n, e) and prior (n, d + e) are of people; `latent_variance` is
    one number.
    """

    observed: Floats64
    photo: Floats64
    prior: Floats
    latent_variance: float
    photo_axes: PhotoAxes

    @property
    def own(self) -> Floats64:
        """What people bring themselves (n, observed_d + e)."""
        return np.concatenate((self.observed, self.photo), axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """taste, prior, appeal (n, d + e) float32, photos last; `taste` is the fold-in over `appeal`
    around `prior`."""

    taste: Floats
    prior: Floats
    appeal: Floats
    latent: Tables
    basis: Basis


def fold_in_parameters(standing: Standing, settings: FactorSettings) -> FoldInParameters:
    """Rates among typical people add up on the logit scale, from their common level."""
    return FoldInParameters(
        intercept=-standing.level,
        w_given=1.0,
        w_received=1.0,
        superlike_weight=settings.superlike_weight,
        regularisation=settings.regularisation,
    )


def find_basis(
    swipes: Swipes,
    people: People,
    own: Own,
    standing: Standing,
    rates: LiveRates,
    settings: FactorSettings,
    rng: np.random.Generator,
) -> Basis:
    """Directions from swipes in order of time; the later half judges the ALS of the earlier."""
    p_like = 1.0 / (1.0 + np.exp(-held_out_logits(standing, swipes)))
    with threadpool_limits(1, "blas"):
        observed = _observed_block(own.white, swipes, p_like, settings.observed_d)
        fold_in = _fold_in(observed, standing, rates, settings)
        prior = _prior(own, swipes, fold_in, rng)
        axes = find_photo_axes(people, swipes, p_like, settings.photo_d)
        photo = axes.coordinates(people)
        block = np.concatenate((observed, photo), axis=1)
        variance = _latent_variance(swipes, people, block, p_like, settings, rng)
    rest = settings.latent.d + photo.shape[1]
    padded = np.pad(prior, ((0, 0), (0, rest))).astype(np.float32)
    return Basis(observed, photo, padded, variance, axes)


def fit_factors(
    swipes: Swipes,
    people: People,
    standing: Standing,
    rates: LiveRates,
    basis: Basis,
    settings: FactorSettings,
    rng: np.random.Generator,
    start: Tables | None = None,
) -> Factors:
    """Factors of everybody after `swipes`; equal generators give equal factors."""
    latent = fit_latent(swipes, len(people), settings.latent, rng, start)
    with threadpool_limits(1, "blas"):
        directions = _latent_block(latent, basis.own, people, swipes)
        scaled = directions * np.sqrt(basis.latent_variance)
        blocks = np.concatenate((basis.observed, scaled, basis.photo), axis=1)
        fold_in = _fold_in(blocks, standing, rates, settings)
        taste = fold_in.tastes(swipes.histories(len(people)), basis.prior)
    return Factors(taste, basis.prior, fold_in.appeal, latent, basis)


def _fold_in(
    appeal: Floats64, standing: Standing, rates: LiveRates, settings: FactorSettings
) -> FoldIn:
    return FoldIn(
        appeal=appeal.astype(np.float32),
        received_logit=logit(rates.received),
        given_prior=rates.given_prior,
        parameters=fold_in_parameters(standing, settings),
    )


def _observed_block(white: Floats64, swipes: Swipes, p_like: Floats64, d: int) -> Floats64:
    """Appeals (n, d) in the directions along which tastes vary most, scaled by how far.

    Where there are fewer directions than d, the rest is zero.
    """
    variance, axes = np.linalg.eigh(taste_covariance(white, swipes, p_like))
    scale = np.sqrt(np.clip(variance[::-1][:d], LEAST_VARIANCE, MOST_VARIANCE))
    appeal = white @ axes[:, ::-1][:, :d] * scale
    return np.pad(appeal, ((0, 0), (0, d - appeal.shape[1])))


def _prior(own: Own, swipes: Swipes, fold_in: FoldIn, rng: np.random.Generator) -> Floats64:
    """Tastes (n, observed d) that gender and attributes let expect."""
    histories = swipes.histories(len(own.white))
    viewers = np.sort(rng.permutation(np.flatnonzero(histories.counts))[:_MOST_PRIOR_VIEWERS])
    return expected_tastes(own.all, viewers, histories.of(viewers), fold_in)


def _latent_variance(
    swipes: Swipes,
    people: People,
    own: Floats64,
    p_like: Floats64,
    settings: FactorSettings,
    rng: np.random.Generator,
) -> float:
    """Mean variance of tastes along latent directions, on swipes that did not make them."""
    half = len(swipes) // 2
    early, late = swipes.take(slice(0, half)), swipes.take(slice(half, None))
    latent = fit_latent(early, len(people), settings.latent, rng)
    directions = _latent_block(latent, own, people, swipes)
    found = taste_covariance(directions, late, p_like[half:])
    return float(np.clip(np.trace(found) / len(found), LEAST_VARIANCE, MOST_VARIANCE))


def _latent_block(latent: Tables, own: Floats64, people: People, swipes: Swipes) -> Floats64:
    """Directions (n, latent d) beyond people's own ones, white over the cards shown."""
    columns = centred_by_gender(latent.item.astype(np.float64), people)
    shown = np.bincount(swipes.candidate, minlength=len(columns))[:, None]
    left = own.T @ (shown * own) + 1e-6 * np.eye(own.shape[1])
    beyond = columns - own @ np.linalg.solve(left, own.T @ (shown * columns))
    white = whitened(beyond, swipes)
    return np.pad(white, ((0, 0), (0, columns.shape[1] - white.shape[1])))
