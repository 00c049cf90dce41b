"""`gravity demo`: the whole loop on this machine, shown; with `--check`, measured."""

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cli.bringup import BroughtUp


def demo(
    people: Annotated[
        int | None,
        typer.Option(min=100, help="How many of the 59,946 people to import. [all]"),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Measure the loop instead of showing it.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --check: print one JSON object.")
    ] = False,
) -> None:
    """Bring everything up, learn from the imported swipes, and show the loop.

    Without --check the stack stays up until Ctrl-C. With it, a stack that was up before stays up.
    """
    from rich.console import Console

    from cli.bringup import OtherDemo
    from cli.check.decks import NotServing
    from cli.retrain import RetrainFailed
    from cli.showcase import ShowcaseFailed
    from cli.wait import NeverHappened
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    expected = (
        OtherDemo,
        NotServing,
        RetrainFailed,
        ShowcaseFailed,
        NeverHappened,
        StackError,
    )
    try:
        asyncio.run(_check(console, people, as_json) if check else _show(console, people))
    except expected as error:
        console.print(f"[red]{error}[/]\n`gravity status` and `gravity logs` say more.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _show(console: "Console", people: int | None) -> None:
    from cli.bringup import bring_up, viewer_of

    console.print("\n[bold]Gravity[/]: a deck, some swipes, the next deck\n")
    try:
        up = await bring_up(console, people)
        await _tell(console, up, viewer_of(up.world.people))
        _print_links(console, up)
        await _interrupted()
    finally:
        await _stop(console)


async def _tell(console: "Console", up: "BroughtUp", viewer: int) -> None:
    from redis.asyncio import Redis

    from cli.bringup import client_of
    from cli.check.people import body_type_of, has_swiped_by, learned_by
    from cli.showcase import Showcase

    redis = Redis.from_url(up.settings.redis_url)
    try:
        async with client_of(up.settings) as client:
            console.print()
            story = Showcase(
                console, client, body_type_of(redis), learned_by(redis), has_swiped_by(redis)
            )
            await story.tell(viewer)
    finally:
        await redis.aclose()


def _print_links(console: "Console", up: "BroughtUp") -> None:
    from cli.bringup import token_for, viewer_of

    settings, viewer = up.settings, viewer_of(up.world.people)
    prefect = settings.prefect_api_url.removesuffix("/api")
    rows = (
        ("API docs", f"{settings.api_url}/docs"),
        ("MLflow: runs, releases", settings.mlflow_url),
        ("Prefect: flows", prefect),
        ("BentoML: the ranker", settings.ranker_url),
        ("a token", f".venv/bin/gravity token --viewer {viewer}"),
        ("processes", ".venv/bin/gravity status"),
    )
    for name, value in rows:
        console.print(f"  {name:<24}{value}", highlight=False, soft_wrap=True)
    token = token_for(viewer)
    command = f"curl -s -H 'Authorization: Bearer {token}' '{settings.api_url}/v1/deck?size=5'"
    console.print(f"\n{command}\n", highlight=False, soft_wrap=True, markup=False)
    console.print("Ctrl-C stops everything.")


async def _interrupted() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _stop(console: "Console") -> None:
    from cli import programs
    from gravity.stack import stack

    console.print("\nstopping …")
    await asyncio.to_thread(stack.end, programs.home())


async def _check(console: "Console", people: int | None, as_json: bool) -> None:
    from cli import programs
    from cli.bringup import bring_up
    from cli.check.checkup import check_loop
    from cli.check.report import print_report
    from gravity.stack import stack

    was_up = await asyncio.to_thread(stack.find, programs.home()) is not None
    try:
        report = await check_loop(console, await bring_up(console, people))
    finally:
        if not was_up:
            await _stop(console)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)
