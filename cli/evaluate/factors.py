"""`gravity evaluate factors`: factorisations on the split of Gowalla that the field reports on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say, Setting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from training.factorisation.als import Als
    from training.factorisation.gowalla import Gowalla
    from training.factorisation.softmax import Softmax
    from training.factorisation.spectral import Spectral

    Trainer = Als | Softmax | Spectral
    Score = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]
    Fit = Callable[[Gowalla, int], Score]

_TASK: Final = "gowalla"
_FILES: Final = ("train.npz", "validation.npz", "test.npz")
_COMMON: Final = ("training.factorisation.gowalla", "training.factorisation.ranking")
_SMOKE_USERS: Final = 2_000
_SEED: Final = 0
_NONE: Final[Mapping[str, Setting]] = {}

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
    """The methods of a budget."""
    folder, small = data / "gowalla", budget is Budget.SMOKE
    most_users = _SMOKE_USERS if small else None

    def on_gowalla(
        method: str, module: str, fit: "Fit", settings: Mapping[str, Setting] = _NONE
    ) -> Measurement:
        return Measurement(
            name=f"{_TASK}/{method}",
            run=partial(_measure, folder, method, fit, most_users),
            modules=(*_COMMON, f"training.factorisation.{module}"),
            seed=_SEED,
            settings={"users": most_users, **settings},
            data=tuple(folder / name for name in _FILES),
        )

    def trained(method: str, module: str, trainer: "Trainer") -> Measurement:
        return on_gowalla(method, module, partial(_fit, trainer), asdict(trainer))

    ours = [trained(*each) for each in _trainers(small)]
    baselines = [on_gowalla("popularity", "ranking", _popularity)]
    if not small:
        baselines.append(on_gowalla("gf-cf", "spectral", _gf_cf))
    return [*baselines, *ours[: None if budget is not Budget.STANDARD else 2]]


def _trainers(small: bool) -> "list[tuple[str, str, Trainer]]":
    """Our methods with the settings that were best on validation (docs/decisions/0042)."""
    from training.factorisation.als import Als
    from training.factorisation.softmax import Softmax
    from training.factorisation.spectral import Spectral

    if small:
        return [
            ("gravity-spectral", "spectral", Spectral(d=64)),
            ("gravity-als", "als", Als(d=32, iterations=4)),
            ("gravity-softmax", "softmax", Softmax(d=32, epochs=3)),
        ]
    return [
        ("gravity-spectral", "spectral", Spectral(d=1024, singular_power=1.0)),
        ("gravity-als", "als", Als(d=512, confidence=20.0, regularisation=60.0)),
        ("gravity-softmax", "softmax", Softmax(d=64, epochs=300)),
    ]


def _measure(
    folder: Path, method: str, fit: "Fit", most_users: int | None, say: Say
) -> Sequence[Found]:
    from training.factorisation.gowalla import Gowalla
    from training.factorisation.ranking import judge

    gowalla = Gowalla.read(folder)
    say("learning")
    score = fit(gowalla, _SEED)
    say("judging")
    ranked = judge(score, gowalla.published_train(), gowalla.test, most_users)
    return [
        _found(method, "recall_at_20", ranked.recall),
        _found(method, "ndcg_at_20", ranked.ndcg),
    ]


def _found(method: str, measure: str, values: "npt.NDArray[np.float64]") -> Found:
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    low, high = mean - 1.96 * error, mean + 1.96 * error
    return Found(_TASK, measure, method, mean, low, high, _REFERENCES.get((method, measure)))


def _fit(trainer: "Trainer", gowalla: "Gowalla", seed: int) -> "Score":
    from training.factorisation.interactions import Interactions

    return trainer.fit(Interactions.of_likes(gowalla.published_train()), seed).scores


def _popularity(gowalla: "Gowalla", seed: int) -> "Score":
    import numpy as np

    liked = np.asarray(gowalla.published_train().sum(axis=0), np.float32)
    return lambda users: np.repeat(liked, len(users), axis=0)


def _gf_cf(gowalla: "Gowalla", seed: int) -> "Score":
    from training.factorisation.spectral import GraphFilter

    return GraphFilter.fit(gowalla.published_train(), seed).scores


def plot(rows: Sequence[Row], path: Path) -> None:
    """Recall and NDCG of each method, beside what it has to reach."""
    from cli.evaluate.bars import draw_bars

    draw_bars(rows, path, "Factorisations on Gowalla")
