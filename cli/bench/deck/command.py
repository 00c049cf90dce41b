"""`gravity bench deck`."""

import asyncio
import json
from typing import TYPE_CHECKING, Annotated

import typer

from cli.bench.plots import SvgFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bench.deck.report import Report


def deck(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    people: Annotated[
        int, typer.Option(min=200, max=3_000_000, help="How many people there are.")
    ] = 100_000,
    seconds: Annotated[
        float, typer.Option(min=0.5, help="How long decks are asked for in each step.")
    ] = 10.0,
    svg: SvgFile = None,
) -> None:
    """How long a deck out of so many people takes, over HTTP, with one client and under load, and
    where the time goes; beside what it cannot take less than, and beside the way that the guides of
    Feast, FAISS and BentoML show; how many decks come a second; whether they hold what brute force
    allows; and how much memory each process has.

    It starts stores, MLflow, API, consumers and ranker of its own in a temporary folder: the stack
    of `gravity up` is not touched, but should not be busy meanwhile. What it learns the people from
    is kept in ~/.cache/gravity-bench (XDG_CACHE_HOME).
    """
    import httpx
    from redis.exceptions import RedisError
    from rich.console import Console

    from cli.bench.deck.floor import HopsFailed
    from cli.bench.deck.plot import plot
    from cli.bench.deck.report import print_report
    from cli.bench.deck.stages import Untraced
    from cli.bench.driver import GeneratorFailed
    from cli.bench.running import running
    from cli.bench.textbook.client import TextbookFailed
    from cli.check.decks import NotServing
    from cli.wait import NeverHappened
    from features.mlflow_rest import MLflowRefused, MLflowUnreachable
    from flows.activation import NotFollowed
    from flows.gates import ReleaseRejected
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    with running(
        console,
        StackError,
        GeneratorFailed,
        Untraced,
        HopsFailed,
        TextbookFailed,
        NotServing,
        NeverHappened,
        NotFollowed,
        ReleaseRejected,
        MLflowUnreachable,
        MLflowRefused,
        RedisError,
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
    from cli.bench.deck import programs as own
    from cli.bench.deck.measure import measure
    from cli.bench.deck.traces import receiving
    from cli.bench.ranked_stack import ranked_stack

    say("starting stores, MLflow, API, consumers and ranker")
    with (
        receiving() as traces,
        ranked_stack(traces.settings, own.api, own.ranker) as stack,
    ):
        return asyncio.run(measure(stack, traces, people, seconds, cache(), say))
