"""The ranker: chosen and stopped by later swipes, then fitted to all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from features.ranker import Network
from training.fitting import Fitted
from training.ranker.examples import Examples, by_inverse_propensity, examples_of
from training.ranker.network import NetworkSettings, fit_epochs, fit_until

LATER: Final = 0.25
"""The share of the examples, the latest ones, that stop the fitting."""
LEAST: Final = 500
TRIED: Final = (
    NetworkSettings(learning_rate=0.008, batch=8192),
    NetworkSettings(learning_rate=0.008, batch=8192, hidden=0),
)


def learn_ranker(fitted: Fitted, seed: int, tried: Sequence[NetworkSettings] = TRIED) -> Fitted:
    """The same with a ranker; see `fit_ranker`. `training.ranker.release` lets it retrieve too."""
    return replace(fitted, ranker=fit_ranker(weighed_examples(fitted), seed, tried))


def weighed_examples(fitted: Fitted) -> Examples:
    """What a ranker learns from: the swipes of the calibration days, with factors from before.

    Cards count by their inverse propensities, since what is ranked is everybody eligible, not what
    some policy showed.
    """
    learned = fitted.learned
    examples = examples_of(fitted.past, learned.pairs, learned.counts)
    return by_inverse_propensity(examples, learned.pairs.propensity)


def fit_ranker(examples: Examples, seed: int, tried: Sequence[NetworkSettings] = TRIED) -> Network:
    """The network of examples in order of time; one that corrects nothing where there are fewer
    than 500, where all or none are likes, or where nothing helps on the later ones."""
    width = examples.inputs.shape[1]
    early, later = split_by_time(examples)
    if len(examples) < LEAST or early.liked.all() or not early.liked.any():
        return Network.nothing(width, examples.e)
    runs = [(how, fit_until(early, later, how, seed)) for how in tried]
    how, best = min(runs, key=lambda run: run[1].log_loss)
    if best.epochs == 0:
        return Network.nothing(width, examples.e)
    return fit_epochs(examples, replace(how, epochs=best.epochs), seed)


def split_by_time(examples: Examples) -> tuple[Examples, Examples]:
    """What is learned from, and the later quarter."""
    at = round(len(examples) * (1.0 - LATER))
    return examples.take(slice(0, at)), examples.take(slice(at, len(examples)))
