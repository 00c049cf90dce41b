"""`gravity bench swipes`."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.bench.report import Report

_LIMITS: Final = {"GRAVITY_DAILY_SWIPES": "1000000", "GRAVITY_DAILY_SUPERLIKES": "1000000"}


def swipes(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each load lasts.")] = 10.0,
    people: Annotated[
        int, typer.Option(min=50, help="How many people send each load, in turn.")
    ] = 500,
) -> None:
    """Sustained swipes a second, from HTTP to the durable match, beside what an endpoint could do
    at most that only appends, or only inserts; and how long answers and matches take.

    It takes about three minutes, and starts stores, API and consumers of its own in a temporary
    folder: the stack of `gravity up` is not touched, but should not be busy meanwhile.
    """
    from rich.console import Console

    from cli.bench.driver import GeneratorFailed
    from cli.bench.measure import Inconsistent
    from cli.bench.report import print_report
    from cli.bench.running import running
    from cli.wait import NeverHappened
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    with running(console, StackError, GeneratorFailed, Inconsistent, NeverHappened) as say:
        report = _measured(seconds, people, say)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)


def _measured(seconds: float, people: int, say: "Callable[[str], None]") -> "Report":
    from cli.bench.measure import measure
    from cli.own_stack import gravity_run, own_stack

    say("starting stores, API and consumers")
    services = {"api": _with_ceilings, "consumers": gravity_run("consumers")}
    with own_stack("gravity-bench-", services, _LIMITS) as stack:
        return asyncio.run(measure(stack, seconds, people, say))


def _with_ceilings(port: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "cli.bench.server", port)
