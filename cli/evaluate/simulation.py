"""`gravity evaluate simulation`: what policies do to the people of a market of known truth."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row, sources_hash
from cli.evaluate.over_seeds import found_over_seeds
from cli.evaluate.plan import Budget, Found, Measurement, Say, Setting

if TYPE_CHECKING:
    from cli.evaluate.simulation_played import Played, Size

TASK: Final = "simulation"
_MODULES: Final = ("simulator.contenders", "simulator.outcome")
_ALONE: Final = ("cli.evaluate.over_seeds", "cli.evaluate.simulation_played")
_LOWER: Final = ("gini", "visits_without_cards", "regret", "disparity", "seconds")
_MOMENTS_PEOPLE: Final = 12_000
_MOMENTS_SEED: Final = 7
_OF_CEILING: Final = 0.85
_OF_PRODUCT: Final = 1.15
_OF_ONE_SIDED: Final = 2.0
_OF_GINI: Final = 0.8

_REFERENCES: Final = ("ceiling", "ceiling of matches alone", "oracle")

Markets = Sequence[Mapping[str, "Played"]]
"""For each seed, by policy."""

_COMPARED: Final = (
    "ceiling",
    "ceiling of matches alone",
    "oracle",
    "one-sided",
    "product",
    "product with answers",
    "gravity without prices",
    "gravity",
)
_ALL: Final = (
    "random",
    "popularity",
    "newest",
    *_COMPARED,
    "gravity without exploration",
    "gravity without photos",
)
# Seeds, people, days, policies.
_SIZES: Final = {
    Budget.SMOKE: (1, 800, 4, ("ceiling", "random", "product", "gravity without photos")),
    Budget.STANDARD: (2, 5_000, 30, _COMPARED),
    Budget.FULL: (5, 20_000, 30, _ALL),
}


def simulation(
    budget: BudgetOption = Budget.STANDARD,
    as_json: AsJson = False,
    data: DataFolder = SHARED,
    svg: SvgFile = None,
) -> None:
    """A month of a market under one policy after the other: matches, who gets any, how unequally
    people are seen, how newcomers fare, who is worse off than tastes explain.

    First how like real ones the people are: moments of their swipes beside those of the ratings of
    a real site. All policies meet the same people on the same days. `ceiling` knows what could be
    learned of people's tastes, `oracle` every pair's probability; both price exposure as we do.
    Intervals are over seeds.
    """
    evaluate("simulation", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """How real the people are, and all policies at once, which are compared person by person."""
    moments = Measurement(
        "moments",
        _measure_moments,
        ("simulator.moments", "simulator.history", "simulator.region"),
        seed=_MOMENTS_SEED,
        settings={"people": _MOMENTS_PEOPLE},
    )
    return [moments, _market(budget)]


def _market(budget: Budget) -> Measurement:
    seeds, people, days, policies = _SIZES[budget]
    settings: dict[str, Setting] = {
        "seeds": seeds,
        "people": people,
        "days": days,
        "policies": ", ".join(policies),
    }
    return Measurement(TASK, partial(_measure, budget), _MODULES, _ALONE, settings=settings)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Matches against inequality, matches by day, exposure of the least seen, newcomers."""
    from cli.evaluate.simulation_plot import draw_simulation

    draw_simulation(rows, path)


def _measure_moments(say: Say) -> Sequence[Found]:
    """Swipes of the month before, beside the ratings of a real site."""
    from dataclasses import asdict

    from simulator.history import draw_history
    from simulator.moments import REAL, as_ratings, measure
    from simulator.region import draw_region
    from simulator.tastes import Market
    from simulator.town import UNTIL

    say(f"drawing {_MOMENTS_PEOPLE} people")
    people = draw_region(_MOMENTS_PEOPLE, UNTIL, _MOMENTS_SEED)
    history = draw_history(people, Market.draw(people, _MOMENTS_SEED), UNTIL, _MOMENTS_SEED)
    swiper, swiped = (history.swipes[name].to_numpy() for name in ("swiper", "swiped"))
    found = measure(swiper, swiped, as_ratings(history.latent), history.latent > 0.0)
    rows = []
    for method, moments in (("simulated", found), ("real", REAL)):
        for name, value in asdict(moments).items():
            values = value if isinstance(value, tuple) else (value,)
            deciles = ("_10", "_30", "_50", "_70", "_90") if len(values) > 1 else ("",)
            for decile, each in zip(deciles, values, strict=True):
                rows.append(Found("moments", f"{name}{decile}", method, each))
    return rows


def _measure(budget: Budget, say: Say) -> Sequence[Found]:
    from cli.evaluate.simulation_played import Size, play

    size = Size(*_SIZES[budget])
    markets = play(size, _games(size), say)
    return [*_by_policy(markets, size), *_against_others(markets)]


def _games(size: "Size") -> Path:
    """Where games are kept: of so many people and days by this code, of whatever policies and seeds
    are asked for. What is made of them may change, and more policies may come."""
    home = Path(os.environ.get("GRAVITY_HOME", ".gravity"))
    name = f"{sources_hash(_MODULES)[:16]}-{size.people}-{size.days}"
    return home / "evaluate" / "simulation-games" / name


def _by_policy(markets: Markets, size: "Size") -> Iterator[Found]:
    """Rows of every measure of every policy, with the curves of plots."""
    for name in size.policies:
        of_policy = [each[name] for each in markets]
        for measure in of_policy[0].measures:
            lower = measure.startswith(_LOWER)
            better: Literal["higher", "lower"] = "lower" if lower else "higher"
            values = [each.measures[measure] for each in of_policy]
            found = found_over_seeds(TASK, measure, name, values, None, better)
            yield replace(found, points=_mean_curve(measure, of_policy))
        for reference in _REFERENCES:
            if reference in size.policies and name != reference:
                wanted = _OF_CEILING if (name, reference) == ("gravity", "ceiling") else None
                values = _ratios(markets, name, reference, _matches)
                measure = f"share_of_{reference.replace(' ', '_')}"
                yield found_over_seeds(TASK, measure, name, values, wanted)


def _against_others(markets: Markets) -> Iterator[Found]:
    """What ours has to reach beside the others after two weeks: matches, and Gini of all days and
    of after two weeks."""
    others: tuple[tuple[str, float | None], ...] = (
        ("product", _OF_PRODUCT),
        ("product with answers", None),
        ("one-sided", _OF_ONE_SIDED),
        ("gravity without prices", 1.0),
    )
    for other, wanted in others:
        if "gravity" in markets[0] and other in markets[0]:
            method = f"gravity / {other}"
            values = _ratios(markets, "gravity", other, _matches)
            yield found_over_seeds(TASK, "matches_of_other", method, values, wanted)
            if other == "gravity without prices":
                values = _ratios(markets, "gravity", other, _gini)
                yield found_over_seeds(TASK, "gini_of_other", method, values, _OF_GINI, "lower")
                values = _ratios(markets, "gravity", other, _gini_later)
                yield found_over_seeds(
                    TASK, "gini_later_of_other", method, values, _OF_GINI, "lower"
                )


def _matches(played: "Played") -> float:
    return played.matches_later


def _gini(played: "Played") -> float:
    return played.measures["gini"]


def _gini_later(played: "Played") -> float:
    return played.gini_later


def _ratios(
    markets: Markets, name: str, other: str, of: "Callable[[Played], float]"
) -> list[float]:
    """A figure of one policy as a share of another's, seed by seed."""
    return [of(each[name]) / max(1e-9, of(each[other])) for each in markets]


def _mean_curve(measure: str, of_policy: "Sequence[Played]") -> tuple[tuple[float, float], ...]:
    """What a plot draws of a measure, over all seeds: matches by day, the Lorenz curve of exposure,
    newcomers with a match by their first, second … day."""
    import numpy as np

    curves = [each.curves[measure] for each in of_policy if measure in each.curves]
    return tuple((float(x), float(y)) for x, y in np.mean(curves, axis=0)) if curves else ()
