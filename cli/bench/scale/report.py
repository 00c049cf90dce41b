"""What `gravity bench scale` says: one JSON object, or tables for people."""

from collections.abc import Sequence
from typing import Final, TypedDict

import numpy as np
from rich.console import Console
from rich.table import Table

SEARCH: Final = ("search", "bound", "scan")
"""The stages of a deck that look for candidates."""


class Row(TypedDict):
    """The costs at so many people.

    Decks of 20: latencies in ms of one client, which sends its next request when it has its answer;
    `search_ms`: of the median deck, what the index takes of it; `decks_per_s`: ranked ones over 16
    connections, the generator on the same cores, and `cpu_us` what each program spent on one
    of these; `stages_ms`: where the time of one client's goes. `failed`: answers that are no deck;
    `fallbacks`: decks that the ranker did not rank.

    Memory in millions of bytes: `ranker_rss_mb`, BentoML's parent and worker; `release_mb`, its
    files; `redis_mb`, rows, places and features of everybody and the swipes of the 2,000 viewers.
    `redis_bytes_a_person`: row, place and features; a swipe that is
    kept to be known again takes `redis_bytes_a_swipe` more. Seconds: `fill_s`, to write everybody's
    rows and counts; `promote_s`, from registering the release until everybody's factors are written
    and it is served.
    """

    people: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    search_ms: float
    decks_per_s: float
    failed: int
    fallbacks: int
    ranker_rss_mb: float
    release_mb: float
    redis_mb: float
    fill_s: float
    promote_s: float
    redis_bytes_a_person: int
    redis_bytes_a_swipe: float
    cpu_us: dict[str, float]
    stages_ms: dict[str, float]


class Report(TypedDict):
    """`growth`: by the name of a cost, the exponent e with which it grows from the fewest people to
    the most as people**e: 0 is constant, 1 in proportion. `load_average`: the machine's, before and
    after."""

    rows: list[Row]
    growth: dict[str, float]
    load_average: tuple[float, float]


COSTS: Final = {
    "p50_ms": "a deck, p50, ms",
    "p99_ms": "a deck, p99, ms",
    "search_ms": "  of it the search, ms",
    "decks_per_s": "decks a second, saturated",
    "ranker_rss_mb": "memory of the ranker, MB",
    "release_mb": "files of a release, MB",
    "redis_mb": "Redis, MB",
    "redis_bytes_a_person": "  a person, bytes",
    "redis_bytes_a_swipe": "  a swipe that is remembered, bytes",
    "fill_s": "filling Redis, s",
    "promote_s": "promoting a release, s",
}
"""The costs, with their names for people."""
_WRONG: Final = {"failed": "decks that failed", "fallbacks": "decks dealt without the ranker"}


def growth(rows: Sequence[Row]) -> dict[str, float]:
    """The exponent of each cost, by least squares over logarithms; empty for one row."""
    if len(rows) < 2:
        return {}
    people = np.log([row["people"] for row in rows])
    found = {}
    for name in COSTS:
        values = np.array([_value(row, name) for row in rows], np.float64)
        if (values > 0).all():
            found[name] = round(float(np.polyfit(people, np.log(values), 1)[0]), 3)
    return found


def print_report(console: Console, report: Report) -> None:
    """A column for each number of people, and the exponents; then CPU and stages."""
    rows = report["rows"]
    table = _table("What grows with the people, and how", rows, "∝ people^")
    for name, title in COSTS.items():
        exponent = report["growth"].get(name)
        last = "" if exponent is None else f"{exponent:.2f}"
        table.add_row(title, *(f"{_value(row, name):,}" for row in rows), last)
    for name, title in _WRONG.items():
        table.add_row(title, *(f"{_value(row, name):,}" for row in rows), "")
    console.print(table)
    cpu = _table("CPU a deck, µs", rows)
    for name in rows[-1]["cpu_us"]:
        cpu.add_row(name, *(f"{row['cpu_us'].get(name, 0.0):,.0f}" for row in rows))
    console.print(cpu)
    stages = _table("Where the time of a deck goes, ms", rows)
    for name in rows[-1]["stages_ms"]:
        stages.add_row(name, *(f"{row['stages_ms'].get(name, 0.0):.2f}" for row in rows))
    console.print(stages)
    before, after = report["load_average"]
    console.print(f"load average before and after: {before}, {after}", highlight=False)


def _table(title: str, rows: Sequence[Row], *more: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in (*(f"{row['people']:,}" for row in rows), *more):
        table.add_column(column, justify="right")
    return table


def _value(row: Row, name: str) -> float:
    value: float = row[name]  # type: ignore[literal-required]
    return value
