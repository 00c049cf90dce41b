"""`gravity bench swap`."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bench.swap.report import Report


def swap(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        int, typer.Option(min=300, max=3_000_000, help="How many people there are.")
    ] = 20_000,
    rate: Annotated[float, typer.Option(min=1.0, help="Decks a second meanwhile.")] = 20.0,
    seconds: Annotated[
        float, typer.Option(min=0.5, help="How long before, between and after the two commands.")
    ] = 10.0,
    svg: SvgFile = None,
) -> None:
    """Promote a release and roll it back while decks are asked for: how long each takes, whether a
    deck fails or is of two releases, whether a swipe is forgotten, and memory meanwhile.

    It starts stores, MLflow, API, consumers and ranker of its own in a temporary folder: the stack
    of `gravity up` is not touched, but should not be busy meanwhile. What it learns the people from
    is kept in ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    import httpx
    from rich.console import Console

    from cli.bench.driver import GeneratorFailed
    from cli.bench.running import running
    from cli.bench.swap.measure import CommandFailed
    from cli.bench.swap.plot import plot
    from cli.bench.swap.report import print_report
    from cli.check.decks import NotServing
    from cli.wait import NeverHappened
    from flows.activation import NotFollowed, SnapshotRefused
    from flows.gates import ReleaseRejected
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    with running(
        console,
        StackError,
        CommandFailed,
        GeneratorFailed,
        NeverHappened,
        NotServing,
        NotFollowed,
        ReleaseRejected,
        SnapshotRefused,
        httpx.HTTPError,
    ) as say:
        report = _measured(people, rate, seconds, say)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)
    if svg is not None:
        plot(report, svg)


def _measured(people: int, rate: float, seconds: float, say: "Callable[[str], None]") -> "Report":
    from cli.bench.cache import cache
    from cli.bench.ranked_stack import ranked_stack
    from cli.bench.swap.measure import measure

    say("starting stores, MLflow, API, consumers and ranker")
    with ranked_stack({}) as stack:
        return asyncio.run(measure(stack, people, rate, seconds, cache(), say))
