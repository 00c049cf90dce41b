"""`gravity bench freshness`."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Final

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bench.freshness.report import Report

_LIMITS: Final = {"GRAVITY_DAILY_SWIPES": "1000000", "GRAVITY_DAILY_SUPERLIKES": "1000000"}


def freshness(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        int, typer.Option(min=200, max=3_000_000, help="How many people there are.")
    ] = 20_000,
    seconds: Annotated[
        float, typer.Option(min=1.0, help="How long it happens: four times a second, of each kind.")
    ] = 60.0,
    svg: SvgFile = None,
) -> None:
    """How long after its acknowledgement a swipe, a new profile, a move or a ban has its effect on
    who is found, while 300 swipes a second come in from others.

    Meanwhile decks are asked for: nobody who was swiped, blocked or banned before may be in one.
    It starts stores, MLflow, API, consumers and ranker of its own in a temporary folder: the stack
    of `gravity up` is not touched, but should not be busy meanwhile. What it learns the people from
    is kept in ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    import httpx
    from rich.console import Console

    from cli.bench.driver import GeneratorFailed
    from cli.bench.freshness.plot import plot
    from cli.bench.freshness.report import print_report
    from cli.bench.running import running
    from cli.check.decks import NotServing
    from cli.wait import NeverHappened
    from flows.activation import NotFollowed
    from flows.gates import ReleaseRejected
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    with running(
        console,
        StackError,
        GeneratorFailed,
        NotServing,
        NeverHappened,
        NotFollowed,
        ReleaseRejected,
        httpx.HTTPError,
    ) as say:
        report = _measured(people, seconds, say)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)
    if svg is not None:
        plot(report, svg)


def _measured(people: int, seconds: float, say: "Callable[[str], None]") -> "Report":
    from cli.bench.cache import cache
    from cli.bench.freshness.measure import measure
    from cli.bench.ranked_stack import ranked_stack

    say("starting stores, MLflow, API, consumers and ranker")
    with ranked_stack(_LIMITS) as stack:
        return asyncio.run(measure(stack, people, seconds, cache(), say))
