"""`gravity evaluate factors`: factorisations on the split of Gowalla that the field reports on."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from training.factorisation.gowalla import Gowalla

    Score = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]

_TASK: Final = "gowalla"
_FILES: Final = ("train.npz", "validation.npz", "test.npz")
_COMMON: Final = ("training.factorisation.gowalla", "training.factorisation.ranking")


def factors(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """Factorisations on Gowalla: recall and NDCG at 20 of check-ins that were held out, over all
    places, beside popularity and GF-CF and the figures that the field reports.

    What a method is tuned by is the validation part alone; then it learns from train and
    validation, and is judged once by the test part. Intervals are over users.
    """
    evaluate("factors", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The methods of a budget."""
    folder = data / "gowalla"
    files = tuple(folder / name for name in _FILES)

    def on_gowalla(method: str, module: str, fit: "Callable[[Gowalla], Score]") -> Measurement:
        modules = (*_COMMON, f"training.factorisation.{module}")
        run = partial(_measure, folder, method, fit)
        return Measurement(f"{_TASK}/{method}", run, modules, data=files)

    return [
        on_gowalla("popularity", "ranking", _popularity),
        on_gowalla("gf-cf", "spectral", _gf_cf),
    ]


def _measure(
    folder: Path, method: str, fit: "Callable[[Gowalla], Score]", say: Say
) -> Sequence[Found]:
    from training.factorisation.gowalla import Gowalla
    from training.factorisation.ranking import judge

    gowalla = Gowalla.read(folder)
    score = fit(gowalla)
    say("judging")
    ranked = judge(score, gowalla.published_train(), gowalla.test)
    return [
        _found(method, "recall_at_20", ranked.recall),
        _found(method, "ndcg_at_20", ranked.ndcg),
    ]


def _found(method: str, measure: str, values: "npt.NDArray[np.float64]") -> Found:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    low, high = mean - 1.96 * error, mean + 1.96 * error
    return Found(_TASK, measure, method, mean, low, high, _REFERENCES.get((method, measure)))


_REFERENCES: Final = {
    ("gf-cf", "recall_at_20"): 0.1849,
    ("gf-cf", "ndcg_at_20"): 0.1518,
}


def _popularity(gowalla: "Gowalla") -> "Score":
    import numpy as np

    liked = np.asarray(gowalla.published_train().sum(axis=0), np.float32)
    return lambda users: np.repeat(liked, len(users), axis=0)


def _gf_cf(gowalla: "Gowalla") -> "Score":
    from training.factorisation.spectral import GraphFilter

    return GraphFilter.fit(gowalla.published_train()).scores


def plot(rows: Sequence[Row], path: Path) -> None:
    """Recall and NDCG of each method, beside what it has to reach."""
    from cli.evaluate.bars import draw_bars

    draw_bars(rows, path, "Factorisations on Gowalla")
