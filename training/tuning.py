"""Settings by Optuna: a seeded tree of Parzen estimators over ranges."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Trial

Settings = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Range:
    """Where a setting may lie: whole numbers, or logarithmic unless `even`."""

    low: float
    high: float
    whole: bool = False
    even: bool = False


@dataclass(frozen=True, slots=True)
class Tuned:
    """The best settings by name, and their loss."""

    settings: Settings
    loss: float


def tune(
    loss: Callable[[Settings], float],
    start: Settings,
    ranges: Mapping[str, Range],
    trials: int,
    seed: int,
    tell: Callable[[str], None],
) -> Tuned:
    """The settings of the least `loss` of `trials`, the first of which is `start`."""
    # Only who tunes waits for it; ranges are read by every command.
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial({name: start[name] for name in ranges})

    def attempt(trial: "Trial") -> float:
        drawn = {name: _suggest(trial, name, each) for name, each in ranges.items()}
        value = loss(drawn)
        tell(f"{trial.number + 1} of {trials}: {value:.4f} {_text(drawn)}")
        return value

    study.optimize(attempt, n_trials=trials)
    return Tuned(study.best_params, study.best_value)


def _suggest(trial: "Trial", name: str, where: Range) -> float:
    if where.whole:
        return trial.suggest_int(name, int(where.low), int(where.high))
    return trial.suggest_float(name, where.low, where.high, log=not where.even)


def _text(settings: Settings) -> str:
    return ", ".join(f"{name} {value:.3g}" for name, value in settings.items())
