"""`gravity bench swap`."""

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Annotated

import typer

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
    from cli.bench.swap.measure import CommandFailed
    from cli.bench.swap.report import print_report
    from cli.check.decks import NotServing
    from cli.wait import NeverHappened
    from flows.activation import NotFollowed, SnapshotRefused
    from flows.gates import ReleaseRejected
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with console.status("") as status:

            def say(what: str) -> None:
                status.update(what)
                if not console.is_terminal:
                    console.print(what, highlight=False)

            report = _measured(people, rate, seconds, say)
    except (
        StackError,
        CommandFailed,
        GeneratorFailed,
        NeverHappened,
        NotServing,
        NotFollowed,
        ReleaseRejected,
        SnapshotRefused,
        httpx.HTTPError,
    ) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)


def _measured(people: int, rate: float, seconds: float, say: "Callable[[str], None]") -> "Report":
    from cli import programs
    from cli.bench.cache import cache
    from cli.bench.swap.measure import measure
    from cli.own_stack import gravity_run, own_stack

    say("starting stores, MLflow, API, consumers and ranker")
    services = {"api": gravity_run("api"), "consumers": gravity_run("consumers")}
    servers = (*programs.STORES, "mlflow")
    others = {programs.RANKER: programs.ranker}
    with own_stack("gravity-bench-", services, {}, servers=servers, others=others) as stack:
        return asyncio.run(measure(stack, people, rate, seconds, cache(), say))
