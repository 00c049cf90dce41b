"""What `gravity bench freshness` says: one JSON object, or a table for people."""

from collections.abc import Sequence
from typing import Final, TypedDict

import numpy as np
from rich.console import Console
from rich.table import Table


class Delay(TypedDict):
    """Seconds from the acknowledgement to the answer that first shows the effect; of `n` times.

    None where it did not happen at all. `quantiles_s`: those of 0, 1, 2 … 100%, or no numbers.
    """

    n: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    quantiles_s: list[float]


class Report(TypedDict):
    """Delays by what happened, and what was sent beside it.

    `served_after_ack`: cards of people who had been swiped or blocked by the viewer, or banned,
    when the deck was asked for; in `decks_checked` decks, `decks_sharp` of them of viewers who had
    held the card shortly before. `background_per_s`: swipes of others that were accepted a second;
    `background_refused`: those that were not, since the person had swiped the other before.
    `cpu_cores`: that each program kept busy. `load_average`: the machine's, before and after.
    """

    people: int
    seconds: float
    swipe: Delay
    profile: Delay
    move: Delay
    ban: Delay
    served_after_ack: int
    decks_checked: int
    decks_sharp: int
    background_per_s: float
    background_refused: int
    cpu_cores: dict[str, float]
    load_average: tuple[float, float]


TARGET_S: Final = 1.0
"""Of p99, DESIGN §9."""

KINDS: Final = {
    "swipe": "swipe → inputs of the viewer's deck",
    "profile": "new profile → found",
    "move": "move → at the new place, gone from the old one",
    "ban": "ban → gone from the index",
}


def delay_of(seconds: Sequence[float]) -> Delay:
    """Of no times: NaN would be no JSON, and 0 a lie."""
    if not seconds:
        return Delay(n=0, p50_s=None, p99_s=None, max_s=None, quantiles_s=[])
    at: list[float] = np.percentile(seconds, range(101)).round(4).tolist()
    return Delay(n=len(seconds), p50_s=at[50], p99_s=at[99], max_s=at[100], quantiles_s=at)


def delays(report: Report) -> list[tuple[str, Delay]]:
    """Of each kind."""
    return [
        ("swipe", report["swipe"]),
        ("profile", report["profile"]),
        ("move", report["move"]),
        ("ban", report["ban"]),
    ]


def print_report(console: Console, report: Report) -> None:
    """Delays with their target, then what else was counted."""
    title = f"Freshness, {report['people']:,} people, {report['seconds']:g} s"
    table = Table(title=title, title_justify="left")
    for column in ("acknowledged →", "n", "p50, s", "p99, s", "max, s", "target p99"):
        table.add_column(column, justify="right" if table.columns else "left")
    for kind, delay in delays(report):
        figures = (delay["p50_s"], delay["p99_s"], delay["max_s"])
        table.add_row(KINDS[kind], str(delay["n"]), *map(_text, figures), f"< {TARGET_S:g}")
    console.print(table)
    _print_rest(console, report)


def _print_rest(console: Console, report: Report) -> None:
    table = Table(show_header=False)
    cores = "  ".join(f"{name} {used:.2f}" for name, used in report["cpu_cores"].items())
    before, after = report["load_average"]
    for words, figure in (
        ("swiped, blocked or banned, and served after it (0)", report["served_after_ack"]),
        ("decks looked at", f"{report['decks_checked']:,}"),
        ("  of viewers who had just held such a card", f"{report['decks_sharp']:,}"),
        ("swipes of others a second (300)", report["background_per_s"]),
        ("  refused, as swiped before", report["background_refused"]),
        ("cores busy", cores),
        ("load average before and after", f"{before}  {after}"),
    ):
        table.add_row(words, str(figure))
    console.print(table)


def _text(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds:.3f}"
