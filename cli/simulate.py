"""`gravity simulate`: play a market under policies of one's choice."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console

    from simulator.outcome import Outcome
    from simulator.policies import Policy
    from simulator.town import Town

    Contenders = dict[str, Callable[[Town], Policy]]

_LEAST: Final = 200
_SHOWN: Final = {
    "matches_per_active_day": "matches a day",
    "matches_later": "after 14 days",
    "matched_in_first_week": "matched in week 1",
    "newcomers_matched_first_day": "newcomers on day 1",
    "gini": "Gini",
    "gini_later": "Gini after 14",
    "likes_of_bottom_fifth": "likes of bottom 20%",
    "visits_without_cards": "ran out",
    "regret": "regret",
}

Name = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="Whose decks, may be given several times: random, popularity, newest, one-sided, "
        "product, gravity, ceiling, oracle …; one that there is not has all named.",
    ),
]
Strength = Annotated[
    list[float] | None,
    typer.Option(
        "--price-strength",
        help="Gravity with the operator's dial there, 0 to 10, may be given several times: how "
        "strongly prices of exposure count, 1 as they are found.",
    ),
]


def simulate(
    policy: Name = None,
    price_strength: Strength = None,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=365, help="Market days to play. (default: 30; live: 3)"),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(min=2, max=50_000, help="Who live there. (default: 5,000; live: 200)"),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="On the running stack, people of the demo's world.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the people and all their chances.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    svg: SvgFile = None,
) -> None:
    """Play a market of simulated people in memory, day by day, and measure what it did to them.

    All policies meet the same people on the same days. Without --policy and --price-strength:
    gravity, and the same without prices; with 5,000 people that takes some five minutes. What is
    measured, and by whose decks: docs/quality.md. With --live, people of the demo's world use the
    running stack through its API instead, whose decks are those of the release it serves.
    """
    if live:
        if policy or price_strength or svg:
            raise typer.BadParameter("the stack has its own policy, and nothing is drawn of it")
        from cli.simulate_live import simulate_live

        simulate_live(days or 3, people or 200, seed, as_json)
    else:
        asked = _contenders(policy or (), price_strength or ())
        _play(asked, days or 30, people or 5_000, seed, as_json, svg)


def _contenders(policies: "Sequence[str]", strengths: "Sequence[float]") -> "Contenders":
    """Those asked for, by name. Raises BadParameter."""
    from features.prices import StrengthRefused
    from simulator.contenders import CONTENDERS, GRAVITY, WITHOUT_PRICES, gravity_at

    unknown = [name for name in policies if name not in CONTENDERS]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]}: the policies are {', '.join(CONTENDERS)}")
    if not policies and not strengths:
        policies = (GRAVITY, WITHOUT_PRICES)
    try:
        priced = {f"{GRAVITY}, prices × {each}": gravity_at(each) for each in strengths}
    except StrengthRefused as error:
        raise typer.BadParameter(str(error)) from error
    return {name: CONTENDERS[name] for name in policies} | priced


def _play(
    contenders: "Contenders", days: int, people: int, seed: int, as_json: bool, svg: Path | None
) -> None:
    if people < _LEAST:
        raise typer.BadParameter(f"a market in memory has {_LEAST} people at least")
    from rich.console import Console

    from cli.bench.running import running
    from simulator.outcome import Outcome
    from simulator.town import Town

    console = Console(stderr=as_json)
    found: dict[str, Outcome] = {}
    with running(console) as say:
        say(f"drawing {people:,} people")
        town = Town.draw(people, days, seed)
        for name, contender in contenders.items():

            def tell(day: int, name: str = name) -> None:
                say(f"{name}: day {day + 1} of {days}")

            found[name] = Outcome.of(town, contender(town), days, tell)
    if svg is not None:
        _draw(found, svg)
    if as_json:
        typer.echo(json.dumps(_object(found, people, days, seed)))
    else:
        _print(console, found)


def _object(
    found: "dict[str, Outcome]", people: int, days: int, seed: int
) -> dict[str, int | list[dict[str, str | float | list[float] | None]]]:
    policies: list[dict[str, str | float | list[float] | None]] = [
        {
            "policy": name,
            # NaN, which JSON does not know, is no value.
            **{m: None if math.isnan(x) else x for m, x in _measures(outcome).items()},
            "matches_by_day": [round(x, 5) for x in outcome.matches_a_day().tolist()],
        }
        for name, outcome in found.items()
    ]
    return {"people": people, "days": days, "seed": seed, "policies": policies}


def _measures(outcome: "Outcome") -> dict[str, float]:
    later = {"matches_later": outcome.matches_later(), "gini_later": outcome.gini_later()}
    return outcome.measures() | later


def _print(console: "Console", found: "dict[str, Outcome]") -> None:
    from rich.table import Table

    table = Table()
    table.add_column("policy")
    for title in _SHOWN.values():
        table.add_column(title, justify="right")
    for name, outcome in found.items():
        measures = _measures(outcome)
        table.add_row(name, *(_number(measures[measure]) for measure in _SHOWN))
    console.print(table)


def _number(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.3f}"


def _draw(found: "dict[str, Outcome]", path: Path) -> None:
    from cli.bench.plots import BLUE, BROWN, GREEN, GREY, PURPLE, RED, drawing

    colours = (GREEN, BLUE, BROWN, PURPLE, RED, GREY)
    what = f"{len(next(iter(found.values())).town):,} simulated people"
    with drawing(path, "Matches per active person", what, (7.5, 4.5)) as figure:
        axes = figure.subplots()
        for at, (name, outcome) in enumerate(found.items()):
            matches = outcome.matches_a_day()
            colour = colours[at % len(colours)]
            axes.plot(range(1, len(matches) + 1), matches, color=colour, label=name)
        axes.set_xlabel("day")
        axes.set_ylim(bottom=0.0)
        axes.legend()
