"""`gravity bench prices`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from cli.bench.prices_measure import Row

_PEOPLE = (10_000, 100_000, 1_000_000)


def prices(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        list[int] | None,
        typer.Option(min=200, max=3_000_000, help="How many people there are; may be repeated."),
    ] = None,
) -> None:
    """How long prices of exposure take for everybody, from factors, and how much memory; and what
    is charged in the end: by 140 cards and 2.5 visits in a person's mean week.

    No stack is needed: a process of its own for each number of people, on one thread. Without
    options these are 10,000, 100,000 and 1,000,000. What it learns the people from is kept in
    ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    from rich.console import Console

    from cli.bench.prices_measure import measure_apart
    from cli.bench.running import running

    console = Console(stderr=as_json)
    rows: list[Row] = []
    with running(console) as say:
        for count in people or _PEOPLE:
            say(f"{count:,} people")
            rows.append(measure_apart(count))
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
    else:
        _print(console, rows)


def _print(console: "Console", rows: "Sequence[Row]") -> None:
    from rich.table import Table

    table = Table(title="Prices of exposure", title_justify="left")
    for column in (
        "people",
        "s",
        "CPU, s",
        "memory, MB",
        "of it the prices', MB",
        "who pay",
        "median price",
        "99%",
    ):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            f"{row['people']:,}",
            f"{row['seconds']:,.1f}",
            f"{row['cpu_s']:,.1f}",
            f"{row['peak_mb']:,.0f}",
            f"{row['grown_mb']:,.0f}",
            f"{row['priced']:.1%}",
            f"{row['median_nats']:.2f}",
            f"{row['p99_nats']:.2f}",
        )
    console.print(table)
    console.print("prices in nats, the mean of a candidate's table; at a million: minutes, 3.5 GB")
