"""`gravity evaluate calibration`: whether a probability of .3 comes true three times in ten."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.over_seeds import found_over_seeds
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    from training.reliability.held_out import HeldOut

REFERENCE: Final = 0.02
_RESPLIT: Final = "libimseti-resplit"
_FOLDS: Final = 10
_MODULES: Final = ("training.reliability.held_out", "training.reliability.bins")
_SIMULATED: Final = (
    *_MODULES,
    "training.ranker.fitting",
    "cli.evaluate.simulated",
    "simulator.history",
    "simulator.population",
)


@dataclass(frozen=True, slots=True)
class _Size:
    """How many worlds, of how many people; and the same of the logs with a known bias."""

    seeds: int
    people: int
    log_seeds: int
    log_people: int


_SIZES: Final = {
    Budget.SMOKE: _Size(1, 1_500, 1, 1_500),
    Budget.STANDARD: _Size(3, 8_000, 5, 3_000),
    Budget.FULL: _Size(5, 20_000, 10, 6_000),
}


def calibration(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """Expected calibration error on days (ratings) that were held out: of all viewers, of men, of
    women, of the pickiest tenth of viewers and the most liked tenth of candidates, by counts from
    before. Beside it calibrations that see less, and what chance alone makes of exact
    probabilities. Then how wrong the rates are that logs of a biased policy give, by the truth.

    All are logistic regressions on the same pairs, without anything that is tuned, but for the
    ranker, which corrects ours and by which decks are ordered.
    """
    evaluate("calibration", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """Simulated markets, real ratings, and logs with a known bias."""
    from training.rated_swipes import rating_files

    size, folder = _SIZES[budget], data / "libimseti"
    return [
        Measurement(
            "simulated",
            partial(_simulated, size),
            _SIMULATED,
            settings={"people": size.people, "seeds": size.seeds},
        ),
        Measurement(
            _RESPLIT,
            partial(_ratings, folder),
            ("training.reliability.resplits", *_MODULES),
            settings={"folds": _FOLDS},
            data=rating_files(folder),
        ),
        Measurement(
            "biased-logs",
            partial(_biased_logs, size),
            ("training.reliability.logs", "cli.evaluate.attention", *_SIMULATED),
            ("cli.evaluate.over_seeds",),
            settings={"people": size.log_people, "seeds": size.log_seeds},
        ),
    ]


def _simulated(size: _Size, say: Say) -> Sequence[Found]:
    from cli.evaluate.simulated import simulate
    from training.fitting import TrainingSettings, fit_from_arrays
    from training.ranker.fitting import learn_ranker
    from training.reliability.held_out import HeldOut, held_out_days

    parts = []
    for seed in range(size.seeds):
        say(f"market {seed + 1} of {size.seeds}")
        datasets, settings = simulate(size.people, seed).datasets, TrainingSettings()
        fitted = learn_ranker(fit_from_arrays(datasets, settings, seed), seed)
        parts.append(held_out_days(datasets, fitted))
    return _errors("simulated", HeldOut.joined(parts))


def _ratings(folder: Path, say: Say) -> Sequence[Found]:
    from training.rated_swipes import read_ratings
    from training.reliability.held_out import HeldOut
    from training.reliability.resplits import held_out_folds

    parts = []
    for part in held_out_folds(read_ratings(folder), _FOLDS, seed=0):
        parts.append(part)
        say(f"fold {len(parts)} of {_FOLDS}")
    return [
        found
        for found in _errors(_RESPLIT, HeldOut.of_one_people(parts))
        # There are no genders.
        if not found.measure.endswith("men")
    ]


def _errors(task: str, held_out: "HeldOut") -> list[Found]:
    import numpy as np

    from training.reliability.bins import calibration_error, error_by_chance, reliability
    from training.reliability.calibrations import OURS
    from training.reliability.held_out import RANKER

    found = []
    for measure, rows in held_out.parts().items():
        liked, viewer = held_out.liked[rows], held_out.viewer[rows]
        for method, p in held_out.p.items():
            error = calibration_error(p[rows], liked, viewer)
            bins = reliability(p[rows], liked)
            found.append(
                Found(
                    task,
                    measure,
                    method,
                    *(error.value, error.low, error.high),
                    reference=REFERENCE if method in (OURS, RANKER) else None,
                    better="lower",
                    points=tuple(zip(bins.predicted, bins.observed, strict=True)),
                )
            )
        chance = error_by_chance(held_out.p[OURS][rows], np.random.default_rng(0))
        found.append(Found(task, measure, "chance alone", chance, better="lower"))
    return found


def _biased_logs(size: _Size, say: Say) -> Sequence[Found]:
    import numpy as np

    from cli.evaluate.attention import log_decks
    from cli.evaluate.simulated import simulate
    from training.reliability.logs import LEAST_CARDS, rates

    errors: dict[str, list[tuple[float, float]]] = {}
    for seed in range(size.log_seeds):
        say(f"log {seed + 1} of {size.log_seeds}")
        logged = log_decks(simulate(size.log_people, seed), seed)
        cards = np.bincount(logged.log.candidate, logged.log.seen, len(logged.rate))
        judged = (cards >= LEAST_CARDS) & ~np.isnan(logged.rate)
        for method, rate in rates(logged.log, len(logged.rate)).items():
            off = (rate - logged.rate)[judged]
            pair = (float(np.sqrt((off**2).mean())), abs(float(off.mean())))
            errors.setdefault(method, []).append(pair)
    return [
        found_over_seeds("biased-logs", measure, method, [e[i] for e in of], better="lower")
        for i, measure in enumerate(("rate_error", "rate_bias"))
        for method, of in errors.items()
    ]


def plot(rows: Sequence[Row], path: Path) -> None:
    """Reliability: what was predicted, and what came."""
    from cli.evaluate.reliability_plot import draw_reliability

    draw_reliability(rows, path)
