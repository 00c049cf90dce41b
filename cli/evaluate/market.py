"""`gravity evaluate market`: prices of exposure on markets whose best policies others published."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.plan import Budget, Found, Measurement, Say

_COMMON: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
_STEPS: Final = {Budget.SMOKE: 50, Budget.STANDARD: 300, Budget.FULL: 300}
_DRAWS: Final = {Budget.SMOKE: 100, Budget.STANDARD: 2_000, Budget.FULL: 2_000}
_SEED: Final = 0


def market(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """Expected matches, and who envies whom, in the published markets: those of Tomita and Yokoyama
    and of Su, Bayoumi and Joachims.

    The best policy that is found, the same without envy, the table of prices that a release holds
    (at its best and as it is served) and a single price for each candidate, beside naive and
    reciprocal rankings and TU matching.
    Only the exact method is held against the published figure. No setting differs between markets.
    """
    evaluate("market", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """The mutual market, and that of applications at five degrees of agreement."""
    steps, draws = _STEPS[budget], _DRAWS[budget]
    settings = {"steps": steps, "draws": draws}
    mutual = Measurement(
        "tomita-yokoyama",
        partial(_mutual, steps, draws),
        ("cli.evaluate.market_mutual",),
        seed=_SEED,
        settings=settings,
    )
    return [
        mutual,
        *(
            Measurement(
                f"su-{common:g}",
                partial(_applications, common, steps, draws),
                ("cli.evaluate.market_applications",),
                seed=_SEED,
                settings={**settings, "common": common},
            )
            for common in _COMMON
        ),
    ]


def _mutual(steps: int, draws: int, say: Say) -> Sequence[Found]:
    from cli.evaluate.market_mutual import measure

    return measure(steps, draws, _SEED, say)


def _applications(common: float, steps: int, draws: int, say: Say) -> Sequence[Found]:
    from cli.evaluate.market_applications import measure

    return measure(common, steps, draws, _SEED, say)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Matches against how much all agree, and matches against envy."""
    from cli.evaluate.market_plot import draw_market

    draw_market(rows, path)
