"""`gravity evaluate factors`: factorisations on the split of Gowalla that the field reports on."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say
from training.factorisation.found import FOUND, SMALL
from training.factorisation.search import RANGES, START

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_TASK: Final = "gowalla"
_VALIDATION: Final = "gowalla-validation"
_FILES: Final = ("train.npz", "validation.npz", "test.npz")
_COMMON: Final = ("training.factorisation.gowalla", "training.factorisation.ranking")
_ALONE: Final = ("training.factorisation.methods",)
_MODULE_OF: Final = {
    "popularity": "training.factorisation.ranking",
    "gf-cf": "training.factorisation.spectral",
    "gravity-spectral": "training.factorisation.spectral",
    "gravity-als": "training.factorisation.als",
    "gravity-softmax": "training.factorisation.softmax",
}
_TRIALS: Final = {"gf-cf": 8, "gravity-spectral": 40, "gravity-als": 16, "gravity-softmax": 6}
"""By what a trial takes; GF-CF has one setting."""
_STANDARD: Final = ("popularity", "gf-cf", "gravity-spectral", "gravity-als")
"""What a quarter of an hour is enough for: the softmax alone takes one."""
_TUNING_USERS: Final = 6_000
_SMOKE_USERS: Final = 2_000
_SEED: Final = 0

# What a row must reach: GF-CF its published figures; ours those of the best plain factorisation
# (MF-CCL), of iALS++, and past every model of the BARS leaderboard (SimpleX, UltraGCN).
_REFERENCES: Final = {
    ("popularity", "recall_at_20"): 0.0416,
    ("popularity", "ndcg_at_20"): 0.0317,
    ("gf-cf", "recall_at_20"): 0.1849,
    ("gf-cf", "ndcg_at_20"): 0.1518,
    ("gravity-als", "recall_at_20"): 0.1730,
    ("gravity-softmax", "recall_at_20"): 0.1837,
    ("gravity-softmax", "ndcg_at_20"): 0.1493,
    ("gravity-spectral", "recall_at_20"): 0.1872,
    ("gravity-spectral", "ndcg_at_20"): 0.1580,
}


def factors(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """Factorisations on Gowalla: recall and NDCG at 20 of check-ins that were held out, over all
    places, beside popularity and GF-CF and the figures that the field reports.

    What a method is tuned by is the validation part alone; then it learns from train and
    validation, and is judged by the test part. Intervals are over users. `smoke` learns small
    tables and judges 2,000 users.
    """
    evaluate("factors", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The methods of a budget; `full` also tunes them."""
    folder = data / "gowalla"
    match budget:
        case Budget.SMOKE:
            return [_judging(folder, name, SMALL[name], _SMOKE_USERS) for name in SMALL]
        case Budget.STANDARD:
            return [_judging(folder, name, FOUND[name], None) for name in _STANDARD]
        case Budget.FULL:
            tuned = [_tuning(folder, name) for name in RANGES]
            return [*(_judging(folder, name, FOUND[name], None) for name in FOUND), *tuned]


def _judging(
    folder: Path, name: str, settings: Mapping[str, float], most_users: int | None
) -> Measurement:
    return Measurement(
        name=f"{_TASK}/{name}",
        run=partial(_judge, folder, name, settings, most_users),
        modules=(*_COMMON, _MODULE_OF[name]),
        alone=_ALONE,
        seed=_SEED,
        settings={"users": most_users, **settings},
        data=_files(folder),
    )


def _tuning(folder: Path, name: str) -> Measurement:
    return Measurement(
        name=f"{_VALIDATION}/{name}",
        run=partial(_tune, folder, name),
        modules=(*_COMMON, _MODULE_OF[name], "training.tuning"),
        alone=_ALONE,
        seed=_SEED,
        settings={
            "users": _TUNING_USERS,
            "trials": _TRIALS[name],
            "ranges": str(RANGES[name]),
            **START[name],
        },
        data=_files(folder),
    )


def _files(folder: Path) -> tuple[Path, ...]:
    return tuple(folder / name for name in _FILES)


def _judge(
    folder: Path, name: str, settings: Mapping[str, float], most_users: int | None, say: Say
) -> Sequence[Found]:
    from training.factorisation.gowalla import Gowalla
    from training.factorisation.methods import METHODS
    from training.factorisation.ranking import judge

    gowalla = Gowalla.read(folder)
    say("learning")
    score = METHODS[name](gowalla.published_train(), settings, _SEED)
    say("judging")
    ranked = judge(score, gowalla.published_train(), gowalla.test, most_users)
    return [
        _found(name, "recall_at_20", ranked.recall),
        _found(name, "ndcg_at_20", ranked.ndcg),
    ]


def _tune(folder: Path, name: str, say: Say) -> Sequence[Found]:
    """The best recall on the validation part, and the settings that gave it, a row each."""
    from training.factorisation.gowalla import Gowalla
    from training.factorisation.methods import METHODS
    from training.factorisation.ranking import judge
    from training.tuning import tune

    gowalla = Gowalla.read(folder)

    def loss(settings: Mapping[str, float]) -> float:
        score = METHODS[name](gowalla.train, {**START[name], **settings}, _SEED)
        ranked = judge(score, gowalla.train, gowalla.validation, _TUNING_USERS)
        return 1.0 - float(ranked.recall.mean())

    best = tune(loss, START[name], RANGES[name], _TRIALS[name], _SEED, say)
    settings = best.settings.items()
    return [
        Found(_VALIDATION, "recall_at_20", name, 1.0 - best.loss),
        *(Found(_VALIDATION, f"setting {key}", name, value) for key, value in settings),
    ]


def _found(method: str, measure: str, values: "npt.NDArray[np.float64]") -> Found:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    low, high = mean - 1.96 * error, mean + 1.96 * error
    return Found(_TASK, measure, method, mean, low, high, _REFERENCES.get((method, measure)))


def plot(rows: Sequence[Row], path: Path) -> None:
    """Recall and NDCG of each method, beside what it has to reach."""
    from cli.evaluate.bars import draw_bars

    of_test = [row for row in rows if row["task"] == _TASK]
    draw_bars(of_test, path, "Factorisations on Gowalla")
