"""`gravity evaluate reciprocal`: real people's ratings of each other, one side against both."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.market import MARKET_MODULES, TASK, MarketSize, measure_market
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    from training.reciprocal.judging import Interval, Trial
    from training.reciprocal.methods import Contender, Rounds

_SHIPPED: Final = "libimseti"
_AGAIN: Final = "libimseti-resplit"
_VALIDATION: Final = "libimseti-validation"
_NAMES: Final = ("two-biases", "als-published", "als-tuned", "gravity-graded")
_BESIDE: Final = ("als-published", "als-tuned")
_FILES: Final = ("train.csv.gz", "validation.csv.gz", "test.csv.gz")
_TUNING: Final = ("training.reciprocal.methods", "training.reciprocal.tuning")
_JUDGING: Final = (*_TUNING, "training.reciprocal.judging", "training.reciprocal.found")
_TRIALS: Final = 30

# Least squares' rounds, draws to warm up and draws to average over, and how many re-splits.
_LENGTHS: Final = {
    Budget.SMOKE: (6, 15, 25, 2),
    Budget.STANDARD: (20, 50, 200, 5),
    Budget.FULL: (20, 50, 200, 5),
}

# People, swipes of each on average, and viewers who are judged.
_MARKETS: Final = {
    Budget.SMOKE: (1_500, 40.0, 100),
    Budget.STANDARD: (8_000, 60.0, 300),
    Budget.FULL: (8_000, 60.0, 300),
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
    files = tuple(folder / name for name in _FILES)
    squares, warm_up, draws, splits = _LENGTHS[budget]
    settings = {"least_squares": squares, "warm_up": warm_up, "draws": draws, "splits": splits}

    def measurement(task: str, name: str, count: int) -> Measurement:
        run = partial(_measure, folder, task, name, budget, range(count))
        return Measurement(f"{task}/{name}", run, _JUDGING, settings=settings, data=files)

    def tuning(name: str) -> Measurement:
        run = partial(_tune, folder, name, budget)
        return Measurement(
            f"{_VALIDATION}/{name}", run, _TUNING, settings={"trials": _TRIALS}, data=files
        )

    shipped = [measurement(_SHIPPED, name, 0) for name in _NAMES]
    again = [measurement(_AGAIN, name, splits) for name in _NAMES]
    tuned = [tuning(name) for name in _NAMES if name != "als-published"]
    return [*(tuned if budget is Budget.FULL else ()), *shipped, *again, _market(budget)]


def _market(budget: Budget) -> Measurement:
    people, swipes_each, viewers = _MARKETS[budget]
    size = MarketSize(people, swipes_each, viewers)
    settings = {"people": people, "swipes_each": swipes_each, "viewers": viewers}
    run = partial(measure_market, size, _SEED)
    return Measurement(TASK, run, MARKET_MODULES, _SEED, settings)


def _measure(
    folder: Path, task: str, name: str, budget: Budget, seeds: Sequence[int], say: Say
) -> Sequence[Found]:
    """Of one method: on the split as it comes, or on re-splits, where ours is beside the others."""
    from training.reciprocal.judging import intervals

    own = _trials(folder, name, budget, tuple(seeds), say)
    found = _rows(task, name, intervals(own, 0))
    for other in _BESIDE if seeds and name.startswith("gravity") else ():
        say(f"beside {other}")
        beside = _trials(folder, other, budget, tuple(seeds), say)
        found += _rows(task, f"{name} less {other}", intervals(own, 0, beside), "_difference")
    return found


def _trials(
    folder: Path, name: str, budget: Budget, seeds: tuple[int, ...], say: Say
) -> "list[Trial]":
    found = []
    for i, seed in enumerate(seeds or (None,)):
        say(f"split {i + 1} of {max(1, len(seeds))}")
        found.append(_trial(folder, name, budget, seed))
    return found


@cache
def _trial(folder: Path, name: str, budget: Budget, seed: int | None) -> "Trial":
    """Kept for the process that measures: ours is held against what was made a moment ago."""
    from training.reciprocal.found import FOUND
    from training.reciprocal.judging import attempt
    from training.reciprocal.ratings import Parts

    contender = _contender(name)
    settings = FOUND.get(name, contender.start)
    shipped = Parts.read(folder)
    parts = shipped if seed is None else shipped.again(seed)
    return attempt(contender.build(settings, _rounds(budget), seed or 0), parts)


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
"""FACTS: published figures for its method; what ours has to reach."""


def _tune(folder: Path, name: str, budget: Budget, say: Say) -> Sequence[Found]:
    """The best RMSE on the validation part, and the settings that gave it, a row each."""
    from training.reciprocal.ratings import Parts
    from training.reciprocal.tuning import tune

    contender, rounds = _contender(name), _rounds(budget)
    best = tune(
        lambda settings: contender.build(settings, rounds, 0),
        contender.start,
        contender.ranges,
        Parts.read(folder),
        _TRIALS,
        0,
        say,
    )
    rows = [Found(_VALIDATION, "rmse", name, best.rmse, better="lower")]
    return rows + [
        Found(_VALIDATION, f"setting {setting}", name, value)
        for setting, value in best.settings.items()
    ]


def _contender(name: str) -> "Contender":
    from training.reciprocal.methods import CONTENDERS

    return next(each for each in CONTENDERS if each.name == name)


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
