"""`gravity evaluate simulation`: what policies do to the people of a market of known truth."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cli.evaluate.entry import SHARED, AsJson, BudgetOption, DataFolder, SvgFile, evaluate
from cli.evaluate.kept import Row
from cli.evaluate.over_seeds import found_over_seeds
from cli.evaluate.plan import Budget, Found, Measurement, Say

if TYPE_CHECKING:
    from simulator.outcome import Outcome

TASK: Final = "simulation"
_MODULES: Final = ("simulator.contenders", "simulator.outcome")
_ALONE: Final = ("cli.evaluate.over_seeds",)
_DIVISIONS: Final = ("orientation", "age", "body")
_LOWER: Final = ("gini", "visits_without_cards", "regret")
_FIRST_DAYS: Final = 10
_MOMENTS_PEOPLE: Final = 12_000
_MOMENTS_SEED: Final = 7
_OF_CEILING: Final = 0.85
_OF_PRODUCT: Final = 1.15
_OF_ONE_SIDED: Final = 2.0
_OF_GINI: Final = 0.8

Outcomes = Sequence[Mapping[str, "Outcome"]]
"""For each seed, by policy."""


@dataclass(frozen=True, slots=True)
class _Size:
    seeds: int
    people: int
    days: int
    policies: tuple[str, ...]


_COMPARED: Final = (
    "ceiling",
    "oracle",
    "one-sided",
    "product",
    "gravity without prices",
    "gravity",
)
_ALL: Final = ("random", "popularity", "newest", *_COMPARED, "gravity without exploration")
_SIZES: Final = {
    Budget.SMOKE: _Size(1, 800, 4, ("random", "ceiling", "product", "gravity")),
    Budget.STANDARD: _Size(2, 5_000, 30, _COMPARED),
    Budget.FULL: _Size(5, 20_000, 30, _ALL),
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
    learned of people's tastes, `oracle` every pair's probability. Intervals are over seeds.
    """
    evaluate("simulation", plan, plot, budget, data, as_json, svg)


def plan(budget: Budget, data: Path) -> Sequence[Measurement]:
    """How real the people are, and all policies at once, which are compared person by person."""
    size = _SIZES[budget]
    return [
        Measurement(
            "moments",
            _measure_moments,
            ("simulator.moments", "simulator.history", "simulator.region"),
            seed=_MOMENTS_SEED,
            settings={"people": _MOMENTS_PEOPLE},
        ),
        Measurement(
            TASK,
            partial(_measure, size),
            _MODULES,
            _ALONE,
            settings={
                "seeds": size.seeds,
                "people": size.people,
                "days": size.days,
                "policies": ", ".join(size.policies),
            },
        ),
    ]


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


def _measure(size: _Size, say: Say) -> Sequence[Found]:
    outcomes = [_of_seed(size, seed, say) for seed in range(size.seeds)]
    return [*_by_policy(outcomes, size), *_against_others(outcomes)]


def _of_seed(size: _Size, seed: int, say: Say) -> dict[str, "Outcome"]:
    import torch

    from simulator.contenders import CONTENDERS
    from simulator.outcome import Outcome
    from simulator.town import Town

    # On a machine that others use too, its threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    say(f"seed {seed}: drawing {size.people} people")
    town = Town.draw(size.people, size.days, seed)
    found = {}
    for name in size.policies:

        def tell(day: int, name: str = name) -> None:
            say(f"seed {seed}: {name}, day {day + 1} of {size.days}")

        found[name] = Outcome.of(town, CONTENDERS[name](town), size.days, tell)
    return found


def _by_policy(outcomes: Outcomes, size: _Size) -> Iterator[Found]:
    """Rows of every measure of every policy, with the curves of plots."""
    for name in size.policies:
        of_policy = [each[name] for each in outcomes]
        measured = [each.measures() for each in of_policy]
        for measure in measured[0]:
            better: Literal["higher", "lower"] = "lower" if measure in _LOWER else "higher"
            values = [each[measure] for each in measured]
            found = found_over_seeds(TASK, measure, name, values, None, better)
            yield replace(found, points=_curve(measure, of_policy))
        for division in _DIVISIONS:
            values = [each[name].disparity(division, each["ceiling"]) for each in outcomes]
            yield found_over_seeds(TASK, f"disparity_{division}", name, values, None, "lower")
        for reference in ("ceiling", "oracle"):
            if reference in size.policies and name != reference:
                wanted = _OF_CEILING if (name, reference) == ("gravity", "ceiling") else None
                values = _ratios(outcomes, name, reference)
                yield found_over_seeds(TASK, f"share_of_{reference}", name, values, wanted)


def _ratios(outcomes: Outcomes, name: str, other: str) -> list[float]:
    """Matches of one policy as a share of another's, after two weeks."""
    return [
        each[name].matches_later() / max(1e-9, each[other].matches_later()) for each in outcomes
    ]


def _against_others(outcomes: Outcomes) -> Iterator[Found]:
    """What ours has to reach beside the others, after two weeks."""
    for other, wanted in (
        ("product", _OF_PRODUCT),
        ("one-sided", _OF_ONE_SIDED),
        ("gravity without prices", 1.0),
    ):
        if other in outcomes[0]:
            values = _ratios(outcomes, "gravity", other)
            yield found_over_seeds(TASK, "matches_of_other", f"gravity / {other}", values, wanted)
    if "gravity without prices" in outcomes[0]:
        values = [
            each["gravity"].measures()["gini"] / each["gravity without prices"].measures()["gini"]
            for each in outcomes
        ]
        method = "gravity / gravity without prices"
        yield found_over_seeds(TASK, "gini_of_other", method, values, _OF_GINI, "lower")


def _curve(measure: str, of_policy: Sequence["Outcome"]) -> tuple[tuple[float, float], ...]:
    """What a plot draws of a measure, means over seeds: matches by day, the Lorenz curve of
    exposure, newcomers with a match by their first, second … day."""
    import numpy as np

    if measure == "matches_per_active_day":
        y = np.mean([each.matches_a_day() for each in of_policy], axis=0)
        x = 1.0 + np.arange(len(y))
    elif measure == "newcomers_matched_first_day":
        y = np.mean([each.newcomers(min(_FIRST_DAYS, each.days - 1)) for each in of_policy], axis=0)
        x = 1.0 + np.arange(len(y))
    elif measure == "gini":
        x = np.linspace(0.0, 1.0, 41)
        y = np.mean([each.lorenz(x) for each in of_policy], axis=0)
    else:
        return ()
    return tuple((float(a), float(b)) for a, b in zip(x, y, strict=True))
