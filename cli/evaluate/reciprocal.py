"""`gravity evaluate reciprocal`: real people's ratings of each other, one side against both."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say, Setting
from training.reciprocal.found import FOUND
from training.reciprocal.search import RANGES, START

if TYPE_CHECKING:
    from training.reciprocal.judging import Interval, Trial
    from training.reciprocal.methods import Rounds

_SHIPPED: Final = "libimseti"
_AGAIN: Final = "libimseti-resplit"
_VALIDATION: Final = "libimseti-validation"
_FILES: Final = ("train.csv.gz", "validation.csv.gz", "test.csv.gz")
_JUDGING: Final = "training.reciprocal.judging"
_TUNING: Final = ("training.reciprocal.tuning", "training.tuning")
_SQUARES: Final = "training.reciprocal.least_squares"
_ALONE: Final = ("training.reciprocal.methods",)
_MODULE_OF: Final = {
    "two-biases": _SQUARES,
    "als-published": _SQUARES,
    "als-tuned": _SQUARES,
    "gravity-graded": "training.reciprocal.ordinal",
}
_TRIALS: Final = {"two-biases": 30, "als-tuned": 30, "gravity-graded": 15}
"""Ours is the slowest: it has half as many."""

# Least squares' rounds, draws to warm up and draws to average over, and how many re-splits.
_LENGTHS: Final = {
    Budget.SMOKE: (6, 15, 25, 1),
    Budget.STANDARD: (20, 50, 200, 5),
    Budget.FULL: (20, 50, 200, 5),
}

# People, swipes of each on average, and viewers who are judged.
_MARKETS: Final = {
    Budget.SMOKE: (1_000, 40.0, 60),
    Budget.STANDARD: (3_000, 60.0, 200),
    Budget.FULL: (20_000, 60.0, 400),
}
_SEED: Final = 0


def reciprocal(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """Ratings of LibímSeTi, both ways: how well each direction is foretold, and how well pairs are
    ordered in which both like, by one side or by both.

    What a method is tuned by is the validation part alone; then it learns from train and
    validation, and is judged once by the test part, on the split as it comes and on five others.
    Intervals are of a paired bootstrap over pairs. And decks of a simulated market by what they
    hold of the best decks' matches.
    """
    evaluate("reciprocal", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The methods on both kinds of splits; `full` also tunes them."""
    folder = data / "libimseti"
    splits = range(_LENGTHS[budget][3])
    tuned = [_tuning(folder, name, budget) for name in RANGES]
    return [
        *(_judging(folder, _SHIPPED, name, budget, ()) for name in FOUND),
        *(_judging(folder, _AGAIN, name, budget, tuple(splits)) for name in FOUND),
        _market(budget),
        *(tuned if budget is Budget.FULL else ()),
    ]


def _judging(
    folder: Path, task: str, name: str, budget: Budget, seeds: tuple[int, ...]
) -> Measurement:
    methods = (name, *_beside(name, seeds))
    found = {f"{each} {key}": value for each in methods for key, value in FOUND[each].items()}
    return Measurement(
        f"{task}/{name}",
        partial(_measure, folder, task, name, budget, seeds),
        (*dict.fromkeys(_MODULE_OF[each] for each in methods), _JUDGING),
        _ALONE,
        settings={**_lengths(budget), "splits": len(seeds), **found},
        data=_files(folder),
    )


def _tuning(folder: Path, name: str, budget: Budget) -> Measurement:
    return Measurement(
        f"{_VALIDATION}/{name}",
        partial(_tune, folder, name, budget),
        (_MODULE_OF[name], *_TUNING),
        (*_ALONE, "training.reciprocal.search"),
        settings={**_lengths(budget), "trials": _TRIALS[name]},
        data=_files(folder),
    )


def _lengths(budget: Budget) -> dict[str, Setting]:
    squares, warm_up, draws, _ = _LENGTHS[budget]
    return {"least_squares": squares, "warm_up": warm_up, "draws": draws}


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in _FILES)


def _beside(name: str, seeds: tuple[int, ...]) -> tuple[str, ...]:
    """What a method is held against, pair by pair: ours, on the re-splits."""
    return ("als-published", "als-tuned") if seeds and name.startswith("gravity") else ()


def _market(budget: Budget) -> Measurement:
    from cli.evaluate.reciprocal_market import MARKET_MODULES, TASK, MarketSize, measure_market

    people, swipes_each, viewers = _MARKETS[budget]
    size = MarketSize(people, swipes_each, viewers)
    settings = {"people": people, "swipes_each": swipes_each, "viewers": viewers}
    run = partial(measure_market, size, _SEED)
    return Measurement(TASK, run, MARKET_MODULES, seed=_SEED, settings=settings)


def _measure(
    folder: Path, task: str, name: str, budget: Budget, seeds: tuple[int, ...], say: Say
) -> Sequence[Found]:
    """Of one method: on the split as it comes, or on re-splits, where ours is beside the others."""
    from training.reciprocal.judging import intervals

    own = _trials(folder, name, budget, seeds, say)
    found = _rows(task, name, intervals(own, _SEED))
    for other in _beside(name, seeds):
        beside = _trials(folder, other, budget, seeds, say)
        differences = intervals(own, _SEED, beside)
        found += _rows(task, f"{name} less {other}", differences, "_difference")
    return found


def _trials(
    folder: Path, name: str, budget: Budget, seeds: tuple[int, ...], say: Say
) -> "list[Trial]":
    found = []
    for i, seed in enumerate(seeds or (None,)):
        say(f"{name}, split {i + 1} of {max(1, len(seeds))}")
        found.append(_trial(folder, name, budget, seed))
    return found


@cache
def _trial(folder: Path, name: str, budget: Budget, seed: int | None) -> "Trial":
    """Kept for the process that measures: ours is held against what was made a moment ago."""
    from training.reciprocal.judging import attempt
    from training.reciprocal.methods import METHODS
    from training.reciprocal.ratings import Parts

    shipped = Parts.read(folder)
    parts = shipped if seed is None else shipped.again(seed)
    return attempt(METHODS[name](FOUND[name], _rounds(budget), seed or _SEED), parts)


def _rows(
    task: str, method: str, values: "Mapping[tuple[str, str], Interval]", suffix: str = ""
) -> list[Found]:
    found = []
    for (measure, order), each in values.items():
        name = f"{method} mutual {order}" if order else method
        reference = 0.0 if suffix else _REFERENCES.get((task, name, measure))
        found.append(
            Found(
                task,
                measure + suffix,
                name,
                each.value,
                each.low,
                each.high,
                reference,
                "lower" if measure == "rmse" else "higher",
            )
        )
    return found


_REFERENCES: Final = {
    (_SHIPPED, "als-published", "rmse"): 2.091,
    (_SHIPPED, "als-published", "auc"): 0.853,
    (_SHIPPED, "als-published mutual product", "auc"): 0.817,
    (_SHIPPED, "als-published mutual product", "ap"): 0.619,
    (_SHIPPED, "als-published mutual minimum", "auc"): 0.801,
    (_SHIPPED, "als-published mutual minimum", "ap"): 0.633,
    (_SHIPPED, "gravity-graded", "rmse"): 2.06,
    (_SHIPPED, "gravity-graded", "auc"): 0.853,
    (_SHIPPED, "gravity-graded mutual product", "auc"): 0.817,
    (_SHIPPED, "gravity-graded mutual product", "ap"): 0.619,
}
"""The figures published for als-published; what ours has to reach."""


def _tune(folder: Path, name: str, budget: Budget, say: Say) -> Sequence[Found]:
    """The best RMSE on the validation part, and the settings that gave it, a row each."""
    from training.reciprocal.methods import METHODS
    from training.reciprocal.ratings import Parts
    from training.reciprocal.tuning import validation_rmse
    from training.tuning import tune

    rounds, parts = _rounds(budget), Parts.read(folder)

    def loss(settings: Mapping[str, float]) -> float:
        return validation_rmse(METHODS[name](settings, rounds, _SEED), parts)

    best = tune(loss, START[name], RANGES[name], _TRIALS[name], _SEED, say)
    settings = best.settings.items()
    return [
        Found(_VALIDATION, "rmse", name, best.loss, better="lower"),
        *(Found(_VALIDATION, f"setting {key}", name, value) for key, value in settings),
    ]


def _rounds(budget: Budget) -> "Rounds":
    from training.reciprocal.methods import Rounds

    squares, warm_up, draws, _ = _LENGTHS[budget]
    return Rounds(squares, warm_up, draws)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Each direction, one side against both, and differences on the re-splits."""
    from cli.evaluate.bars import draw_bars

    draw_bars([row for row in rows if _drawn(row)], path, "Both sides")


def _drawn(row: Row) -> bool:
    """Not the settings, and of the orders only some: the table has them all."""
    _, mutual, order = row["method"].partition(" mutual ")
    return row["task"] != _VALIDATION and (not mutual or order in ("there", "back", "product"))
