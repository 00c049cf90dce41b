"""`gravity evaluate ranker`: both heads against what they have to beat."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say

_WAVES: Final = Path("speed-dating") / "waves_1_to_14.csv.gz"
_SEED: Final = 3
_PEOPLE: Final = {Budget.SMOKE: 1_200, Budget.STANDARD: 5_000, Budget.FULL: 20_000}
_VIEWERS: Final = {Budget.SMOKE: 200, Budget.STANDARD: 500, Budget.FULL: 3_000}
_TRIED: Final = {Budget.SMOKE: 2, Budget.STANDARD: 4, Budget.FULL: 6}
_REPEATS: Final = {Budget.SMOKE: 1, Budget.STANDARD: 1, Budget.FULL: 5}


def ranker(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """The two-headed ranker beside the product of calibrated logits, one side alone, and
    gradient-boosted trees on the same inputs.

    On the last days of a simulated market: likes, and the expected matches of the 20 best by the
    market's truth. On speed dating: waves that were held out. Differences are paired; what is
    ahead has its whole interval beyond 0.
    """
    evaluate("ranker", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """Both tasks, as large as the budget allows."""
    waves = data / _WAVES
    people, viewers, tried = _PEOPLE[budget], _VIEWERS[budget], _TRIED[budget]
    repeats, tuned = _REPEATS[budget], budget is not Budget.SMOKE
    return [
        Measurement(
            "simulated",
            partial(_simulated, people, viewers, tried),
            ("cli.evaluate.ranker_simulated",),
            seed=_SEED,
            settings={"people": people, "viewers": viewers, "tried": tried},
        ),
        Measurement(
            "speed-dating",
            partial(_speed_dating, waves, repeats, tuned),
            ("cli.evaluate.ranker_speed_dating",),
            settings={"repeats": repeats, "tuned": tuned},
            data=(waves,),
        ),
    ]


def _simulated(people: int, viewers: int, tried: int, say: Say) -> Sequence[Found]:
    from cli.evaluate.ranker_simulated import measure

    return measure(people, viewers, tried, _SEED, say)


def _speed_dating(waves: Path, repeats: int, tuned: bool, say: Say) -> Sequence[Found]:
    from cli.evaluate.ranker_speed_dating import measure

    return measure(waves, repeats, tuned, say)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Every measure of both tasks, and the differences."""
    from cli.evaluate.bars import draw_bars

    draw_bars(rows, path, "The ranker beside what it has to beat")
