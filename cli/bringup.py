"""From nothing to the first ranked deck: stack, population, import, learning, serving."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import programs
from cli.check.decks import wait_for_release
from cli.client import Client, open_client
from cli.first_deck import FirstDeck, at_work, read_first_deck, write_first_deck
from cli.importing.effects import open_stores
from cli.importing.runs import (
    PROFILES_EACH,
    SWIPES_EACH,
    Request,
    import_profiles,
    import_swipes,
)
from cli.retrain import retrain
from features.registry import champion
from gravity import issuer
from gravity.kernel import utc_now
from gravity.settings import Settings
from gravity.stack.keys import jwt_private_file
from gravity.stack.stack import Stack
from simulator.world import EVERYBODY, World, build_world

SEED: Final = 20120630
WORLD: Final = "simulated"
"""The folder, in the stack's own, of the people whom a demo imports."""
_TOKEN_TTL: Final = timedelta(hours=1)


class OtherDemo(Exception):
    """This folder holds a demo of another size."""


@dataclass(frozen=True, slots=True)
class BroughtUp:
    """A running demo."""

    stack: Stack
    settings: Settings
    world: World
    first_deck: FirstDeck


class Steps:
    """Shows each step as it runs and keeps how long it took."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.seconds: dict[str, float] = {}

    @asynccontextmanager
    async def step(self, name: str, of_rows: bool = False) -> AsyncIterator["Rows"]:
        """One step with its clock, and a bar where it counts rows."""
        columns = [TextColumn("  {task.description:<34}"), TimeElapsedColumn()]
        if of_rows:
            columns += [BarColumn(bar_width=24), MofNCompleteColumn()]
        started = time.monotonic()
        silent = not self.console.is_terminal
        with Progress(*columns, console=self.console, transient=True, disable=silent) as progress:
            yield Rows(progress, progress.add_task(name, total=None))
        took = time.monotonic() - started
        self.seconds[name] = round(took, 2)
        self.console.print(f"  [green]✓[/] {name:<34} [dim]{took:6.1f} s[/]", highlight=False)


@dataclass(frozen=True, slots=True)
class Rows:
    """Reports rows done to the running step's bar."""

    progress: Progress
    task: int

    def __call__(self, done: int, total: int | None) -> None:
        """`done` of `total` rows."""
        self.progress.update(self.task, completed=done, total=total)  # type: ignore[arg-type]


async def bring_up(console: Console, wanted: int | None) -> BroughtUp:
    """Start what does not run, make what is not there, and return with a release served.

    `wanted` people; None means as many as the folder's demo has, or everybody.
    Raises OtherDemo, StackError, FlowFailed, NotServing.
    """
    home = programs.home().path
    people = _begin(home, wanted)
    steps = Steps(console)
    console.print(
        f"  {people:,} people: OkCupid's profiles, with [bold]simulated[/] names, homes and swipes"
    )
    with at_work(home):
        stack, settings, world = await _serve(steps, home, people)
    record = read_first_deck(home)
    if not record["finished"]:
        record = FirstDeck({**record, "finished": True, "steps": steps.seconds})
        write_first_deck(home, record)
    return BroughtUp(stack, settings, world, record)


def _begin(home: Path, wanted: int | None) -> int:
    """How many people this folder's demo has; said before anything is written."""
    record = read_first_deck(home)
    people = wanted or record["people"] or EVERYBODY
    if record["people"] not in (None, people):
        raise OtherDemo(
            f"{home} holds a demo of {record['people']} people: `make clean` removes it, "
            "or set GRAVITY_HOME to another folder"
        )
    write_first_deck(home, {**record, "people": people})
    return people


async def _serve(steps: Steps, home: Path, people: int) -> tuple[Stack, Settings, World]:
    stack = await asyncio.to_thread(programs.start, os.environ)
    async with steps.step("population and its month of swipes"):
        until = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        world = await asyncio.to_thread(build_world, home / WORLD, people, until, SEED)
    async with steps.step("Postgres, Redis, S3, broker"):
        # The environment may name some of them elsewhere.
        here = {process.name for process in await asyncio.to_thread(stack.supervision.processes)}
        await asyncio.to_thread(stack.wait, here & set(programs.STORES))
    settings = Settings.load()
    await _import(steps, settings, world)
    async with steps.step("MLflow, Prefect, BentoML, API"):
        # The first deck waits for nobody who is only to show it.
        await asyncio.to_thread(stack.wait, here - {programs.PLAYGROUND})
    if await champion(settings.mlflow_url) is None:
        async with steps.step("retrain: learn, evaluate, promote"):
            await retrain(settings, steps.console)
    async with steps.step("first ranked deck"), client_of(settings) as client:
        await wait_for_release(client, viewer_of(people), 120.0)
    return stack, settings, world


def viewer_of(people: int) -> int:
    """The viewer whose story the demo tells."""
    return min(42, people)


@asynccontextmanager
async def client_of(settings: Settings) -> AsyncIterator[Client]:
    """A client of the API that may speak for any viewer, by the development issuer."""
    async with open_client(settings.api_url, token_for) as client:
        yield client


def token_for(viewer: int) -> str:
    """A token of the development issuer that speaks for the viewer for an hour."""
    private_key = jwt_private_file(programs.home().keys).read_text(encoding="ascii")
    return issuer.issue(private_key, viewer, utc_now(), _TOKEN_TTL)


async def _import(steps: Steps, settings: Settings, world: World) -> None:
    async with open_stores(settings) as stores:
        async with steps.step("import of profiles", of_rows=True) as rows:
            request = _request(settings, world.profiles, PROFILES_EACH, rows)
            await import_profiles(stores, request)
        async with steps.step("import of swipes", of_rows=True) as rows:
            request = _request(settings, world.swipes, SWIPES_EACH, rows)
            await import_swipes(stores, request, False)


def _request(settings: Settings, path: Path, rows_each: int, rows: Rows) -> Request:
    rejected = path.with_name(f"{path.name}.rejected.csv")
    return Request(path, settings.home / "imports", rejected, rows_each, utc_now(), rows)
