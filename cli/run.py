"""`gravity run api | consumers | playground`: which services share a process.

The same two processes on one machine and in a cluster; what is finer is composed of the services'
`app.py` in the same way (docs/operating.md).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli.parts import PARTS, UnknownPart, checked, work_of

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.types import ASGIApp

    from gravity.kernel import Kernel

app = typer.Typer(
    name="run",
    help="Run one process of the stack in the foreground; `gravity up` runs them all.",
    no_args_is_help=True,
)
_Port = Annotated[int, typer.Option(help="The port to listen on.")]
_Host = Annotated[
    str,
    typer.Option(
        help="The address to listen on: this machine only, unless you say 0.0.0.0, as in a "
        "container whose port others must reach; /metrics asks nobody who they are."
    ),
]
_Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PART", help=f"Run this part only; may be repeated. Parts: {', '.join(PARTS)}."
    ),
]
_HERE: Final = "127.0.0.1"
# The part whose start puts right what Redis may have lost: safety is in it.
_REPAIRS: Final = "rest"

# Longer than load balancers (60 s) and phones keep an idle connection: whoever closes it first must
# not be the side that cannot know of a request under way.
_KEEP_ALIVE_S: Final = 75
_TABLES: Final = ("gravity", "interactions", "profiles", "safety", "billing", "identity")


@app.command()
def api(port: _Port, host: _Host = _HERE) -> None:
    """Discovery, interactions and profiles behind one port."""
    import uvloop

    uvloop.run(serve("api", host, port, api_routers, _nothing, _unprepared))


def api_routers(kernel: "Kernel") -> "list[APIRouter]":
    """The routes of the API."""
    from discovery_api import app as discovery
    from interactions import app as interactions
    from profiles import app as profiles

    # The busiest first: a path is compared with one route after the other.
    ours = interactions.routers(kernel)
    return [*ours, discovery.router(kernel), profiles.router(kernel)]


@app.command()
def consumers(port: _Port, host: _Host = _HERE, only: _Only = None) -> None:
    """Everything that reads the bus, and the relays that write to it; serves metrics.

    Several of these share the partitions of what they have in common.
    """
    import uvloop

    try:
        parts = checked(only or [])
    except UnknownPart as error:
        raise typer.BadParameter(str(error), param_hint="--only") from None

    def consuming(kernel: "Kernel", stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        return _consuming(parts, kernel, stop)

    async def prepare(kernel: "Kernel") -> None:
        if _REPAIRS in parts:
            await _repair(kernel)

    name = "+".join(parts) if only else "consumers"
    uvloop.run(serve(name, host, port, _no_routers, consuming, prepare))


@app.command()
def playground(port: _Port) -> None:
    """The page that shows the API's decks to whoever develops; for this machine only."""
    import uvloop

    from cli.connections import load_settings
    from cli.first_deck import read_first_deck
    from playground.app import NotDevelopment, create_app

    settings = load_settings()
    try:
        # The kernel's clock would bring Kafka, Postgres and Redis along.
        page = create_app(
            settings,
            lambda: read_first_deck(settings.home)["people"],
            lambda: datetime.now(UTC),
        )
    except NotDevelopment as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None
    uvloop.run(_listen(page, _HERE, port, asyncio.Event()))


def _no_routers(_: "Kernel") -> "list[APIRouter]":
    return []


def _nothing(_: "Kernel", __: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    return []


async def _unprepared(_: "Kernel") -> None:
    return


async def _repair(kernel: "Kernel") -> None:
    """Redis may have lost its last second: nobody who is withdrawn may be shown for that."""
    from billing.entitlements import restore_tiers
    from cli.rebuild import restore_serving, restore_withdrawn

    await restore_withdrawn(kernel.pool, kernel.redis)
    await restore_tiers(kernel.pool, kernel.redis)
    await restore_serving(kernel.redis, kernel.settings.mlflow_url)


def _consuming(
    parts: list[str], kernel: "Kernel", stop: asyncio.Event
) -> list[Coroutine[Any, Any, None]]:
    from gravity.consumer import consume_all

    work = work_of(parts, kernel, stop)
    bus = kernel.settings.bus_url
    return [consume_all(work.subscriptions, kernel.pool, bus, stop), *work.background]


async def serve(
    service: str,
    host: str,
    port: int,
    routers: "Callable[[Kernel], list[APIRouter]]",
    background: "Callable[[Kernel, asyncio.Event], list[Coroutine[Any, Any, None]]]",
    prepare: "Callable[[Kernel], Awaitable[None]]",
) -> None:
    from cli.connections import load_settings
    from contracts import topics
    from gravity import telemetry
    from gravity.bus import create_topics
    from gravity.http import create_app
    from gravity.kernel import open_kernel
    from gravity.postgres import migrate

    settings = load_settings()
    telemetry.configure(service, settings)
    async with open_kernel(settings) as kernel:
        for package in _TABLES:
            await migrate(kernel.pool, package)
        await create_topics(settings.bus_url, topics.ALL)
        await prepare(kernel)
        app = create_app(f"Gravity {service}", kernel, routers(kernel))
        stop = asyncio.Event()
        _calm_collector()
        async with _running(background(kernel, stop), stop):
            await _listen(app, host, port, kernel.stopping)


def _calm_collector() -> None:
    """What the start has made stays, and is not looked at for garbage again; at what is made since
    every 20,000 objects, not every 700. The looks took a tenth of a request's time."""
    import gc

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


@asynccontextmanager
async def _running(
    work: list[Coroutine[Any, Any, None]], stop: asyncio.Event
) -> AsyncIterator[None]:
    """Run beside the HTTP server; on the way out, let everything finish what it holds."""
    async with asyncio.TaskGroup() as group:
        for each in work:
            group.create_task(each)
        try:
            yield
        finally:
            stop.set()


async def _listen(app: "ASGIApp", host: str, port: int, stopping: asyncio.Event) -> None:
    import uvicorn

    from gravity.http_server import Server

    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
    )
    await Server(config, stopping).serve()
