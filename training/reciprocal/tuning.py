"""Settings by Optuna: learned from train, judged by the validation part, which is all it sees."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import optuna

from training.reciprocal.estimates import Method
from training.reciprocal.ratings import Parts
from training.reciprocal.search import Range

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best settings by name, and their RMSE on the validation part."""

    settings: Mapping[str, float]
    rmse: float


def tune(
    method_of: Callable[[Mapping[str, float]], Method],
    start: Mapping[str, float],
    ranges: Mapping[str, Range],
    parts: Parts,
    trials: int,
    seed: int,
    tell: Tell,
) -> Tuned:
    """The best of `trials`, the first of which is `start`; a seeded tree of Parzen estimators."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: start[name] for name in ranges})

    def loss(trial: optuna.Trial) -> float:
        drawn = {name: _suggest(trial, name, each) for name, each in ranges.items()}
        value = validation_rmse(method_of(drawn), parts)
        tell(f"{trial.number + 1} of {trials}: {value:.4f} {_text(drawn)}")
        return value

    study.optimize(loss, n_trials=trials)
    return Tuned(study.best_params, study.best_value)


def validation_rmse(method: Method, parts: Parts) -> float:
    """Of ratings of the validation part, learned from train."""
    held_out = parts.validation
    found = method(parts.train, held_out.rater, held_out.rated)
    return float(np.sqrt(np.mean((found.rating - held_out.rating) ** 2)))


def _suggest(trial: optuna.Trial, name: str, where: Range) -> float:
    if where.whole:
        return trial.suggest_int(name, int(where.low), int(where.high))
    return trial.suggest_float(name, where.low, where.high, log=True)


def _text(settings: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in settings.items())
