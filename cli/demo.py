"""`gravity demo`: the whole loop on this machine, shown; with `--check`, measured."""

import asyncio
import json
import signal
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cli.bringup import BroughtUp
    from gravity.settings import Settings


def demo(
    people: Annotated[
        int | None,
        typer.Option(min=100, help="How many of the 59,946 people to import. (default: all)"),
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
    import httpx
    from rich.console import Console

    from cli.bringup import OtherDemo
    from cli.check.decks import NotServing
    from cli.flow_runs import FlowFailed
    from cli.prefect_api import PrefectUnreachable
    from cli.wait import NeverHappened
    from features.mlflow_rest import MLflowUnreachable
    from features.stream_lock import LakeBehind
    from gravity.settings import SettingsMissing
    from gravity.stack.failures import StackError

    console = Console(stderr=as_json)
    expected = (
        OtherDemo,
        NotServing,
        FlowFailed,
        NeverHappened,
        StackError,
        SettingsMissing,
        LakeBehind,
        MLflowUnreachable,
        PrefectUnreachable,
        httpx.HTTPError,
    )
    try:
        asyncio.run(_check(console, people, as_json) if check else _show(console, people))
    except expected as error:
        console.print(str(error) or type(error).__name__, style="red", markup=False)
        console.print("`gravity status` and `gravity logs` say more.")
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _show(console: "Console", people: int | None) -> None:
    from cli.bringup import bring_up
    from cli.photo_catch_up import catch_up_in_background

    console.print("\n[bold]Gravity[/]: a deck, some swipes, the next deck\n")
    stays = await _is_up()
    try:
        up = await bring_up(console, people)
        # Only now: on a small machine it would take its time from the first deck.
        catch_up_in_background(up.stack.home)
        await tell_story(console, up.settings, up.world.people)
        _print_links(console, up)
        await _interrupted()
        stays = False
    finally:
        if not stays:
            await _stop(console)


async def tell_story(console: "Console", settings: "Settings", people: int) -> None:
    """Show the loop to people 1 … `people`; a step that fails is said, and ends the story."""
    import asyncpg
    from redis.asyncio import Redis

    from cli.bringup import client_of, viewer_of
    from cli.check.people import has_swiped_by, learned_by
    from cli.entitled import entitled_by
    from cli.showcase import Showcase, ShowcaseFailed
    from cli.wait import NeverHappened
    from features.whereabouts import store_beside

    async with (
        Redis.from_url(settings.redis_url) as redis,
        store_beside(settings, redis) as features,
        asyncpg.create_pool(settings.postgres_url, min_size=1, max_size=1) as pool,
        client_of(settings) as client,
    ):
        console.print()
        story = Showcase(
            console,
            client,
            learned_by(redis, features),
            has_swiped_by(redis),
            entitled_by(pool, redis),
        )
        try:
            await story.tell(viewer_of(people), people)
        except (ShowcaseFailed, NeverHappened) as error:
            console.print(f"[red]the story ends here: {error}[/]\n")


def _print_links(console: "Console", up: "BroughtUp") -> None:
    from cli.bringup import token_for, viewer_of

    settings, viewer = up.settings, viewer_of(up.world.people)
    prefect = settings.prefect_api_url.removesuffix("/api")
    rows = (
        ("the playground", settings.playground_url),
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


async def _is_up() -> bool:
    from cli import programs
    from gravity.stack import stack

    return await asyncio.to_thread(stack.find, programs.home()) is not None


async def _check(console: "Console", people: int | None, as_json: bool) -> None:
    from cli.bringup import bring_up
    from cli.check.checkup import check_loop
    from cli.check.report import print_report

    was_up = await _is_up()
    try:
        report = await check_loop(console, await bring_up(console, people))
    finally:
        if not was_up:
            await _stop(console)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        print_report(console, report)
