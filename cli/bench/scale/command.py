"""`gravity bench scale`."""

import asyncio
import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cli.bench.scale.report import Report, Row

_PEOPLE = (10_000, 100_000, 1_000_000, 3_000_000)


def scale(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        list[int] | None,
        typer.Option(min=200, max=3_000_000, help="How many people there are; may be repeated."),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.5, help="How long decks are asked for in each step.")
    ] = 8.0,
    svg: SvgFile = None,
) -> None:
    """How each cost of a deck grows with the number of people: time, CPU, memory, Redis, the files
    of a release and its promotion.

    For each number of people it starts stores, MLflow, API, consumers and ranker of its own in a
    temporary folder: the stack of `gravity up` is not touched, but should not be busy meanwhile.
    Without options these are 10,000, 100,000, 1,000,000 and 3,000,000; that takes about half an
    hour, 15 GB of memory and 10 GB of disk. What it learns the people from is kept in
    ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    import httpx
    from redis.exceptions import RedisError
    from rich.console import Console

    from cli.bench.deck.stages import Untraced
    from cli.bench.driver import GeneratorFailed
    from cli.bench.running import running
    from cli.bench.scale.plot import plot
    from cli.bench.scale.report import growth, print_report
    from cli.check.decks import NotServing
    from features.mlflow_rest import MLflowRefused, MLflowUnreachable
    from flows.activation import NotFollowed
    from flows.gates import ReleaseRejected
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    rows: list[Row] = []
    before = os.getloadavg()[0]
    try:
        with running(
            console,
            StackError,
            GeneratorFailed,
            Untraced,
            NotServing,
            NotFollowed,
            ReleaseRejected,
            MLflowUnreachable,
            MLflowRefused,
            RedisError,
            httpx.HTTPError,
        ) as say:
            _measure(sorted(set(people or _PEOPLE)), seconds, say, rows)
    finally:
        # An error or an interrupt takes nothing that was measured before.
        if rows:
            load = (round(before, 2), round(os.getloadavg()[0], 2))
            report: Report = {"rows": rows, "growth": growth(rows), "load_average": load}
            if as_json:
                typer.echo(json.dumps(report))
            else:
                print_report(console, report)
            if svg is not None:
                plot(report, svg)


def _measure(
    people: "Sequence[int]", seconds: float, say: "Callable[[str], None]", rows: "list[Row]"
) -> None:
    """Add a row for each number of people."""
    from cli.bench.cache import cache
    from cli.bench.deck.traces import receiving
    from cli.bench.ranked_stack import ranked_stack
    from cli.bench.scale.measure import measure

    for count in people:
        say(f"{count:,} people: starting stores, MLflow, API, consumers and ranker")
        with receiving() as traces, ranked_stack(traces.settings) as stack:
            rows.append(asyncio.run(measure(stack, traces, count, seconds, cache(), say)))
