"""`gravity chaos …`: break everything while it works, and count what that broke."""

import json
import logging
import signal
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from cli.chaos.fleet import Load
    from cli.chaos.outcome import Outcome

app = typer.Typer(
    name="chaos",
    help="Break a stack of its own while it works, and count what that broke.",
    no_args_is_help=True,
)


@app.callback()
def chaos() -> None:
    """Break a stack of its own while it works, and count what that broke."""


@app.command()
def swipes(
    users: Annotated[int, typer.Option(min=50, help="People with phones.")] = 5000,
    swipes: Annotated[
        int, typer.Option(min=100, help="Distinct swipes to be acknowledged, a seed.")
    ] = 200_000,
    kills: Annotated[int, typer.Option(min=0, help="Processes to kill with -9, a seed.")] = 30,
    seeds: Annotated[int, typer.Option(min=1, help="How many runs, one after the other.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The seed of the first run.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Swipe over HTTP as phones on a bad network do, while every part is killed at random.

    Then what was acknowledged is compared with Postgres, with Redis, with the lake, and with the
    events that an independent consumer saw. Exits with 1 if any promise was broken.
    """
    from rich.console import Console

    from cli.chaos.fleet import Load, paying_of, too_many
    from cli.chaos.outcome import Outcome, print_report, report

    console = Console(stderr=as_json)
    if problem := too_many(users, swipes):
        console.print(problem, style="red")
        raise typer.Exit(2)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    outcomes: list[Outcome] = []
    code = 0
    try:
        for number in range(seed, seed + seeds):
            load = Load(users, paying_of(users), swipes, number)
            outcomes.append(_one(console, load, kills))
    except typer.Exit as ended:
        # What the seeds before it came to is still worth telling.
        code = ended.exit_code
    if as_json:
        typer.echo(json.dumps(report(outcomes)))
    else:
        print_report(console, outcomes)
    raise typer.Exit(code or int(any(outcome.broken for outcome in outcomes)))


def _one(console: "Console", load: "Load", kills: int) -> "Outcome":
    """One seed, with its progress; what keeps it from a verdict ends the command with words."""
    from datetime import UTC, datetime

    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from cli.chaos.book import Book
    from cli.chaos.fleet import NobodyLeft
    from cli.chaos.killer import Stalled
    from cli.chaos.phone import Unreachable
    from cli.chaos.rest import NotAtRest
    from cli.chaos.run import run_seed
    from features.stream_lock import LakeBehind
    from gravity.stack.failures import StackError

    columns = (
        TextColumn("  seed {task.fields[seed]}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    # The clients of this process report each lost connection: losing them is the point here.
    for reports in ("gravity", "asyncpg"):
        logging.getLogger(reports).addHandler(logging.NullHandler())
    book, started = Book(), time.monotonic()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=load.swipes, seed=load.seed)

        def said(what: str) -> None:
            progress.update(task, description=what, completed=book.acknowledged)
            if not console.is_terminal:
                at = f"  seed {load.seed}  {time.monotonic() - started:>6.0f} s"
                console.print(f"{at}  {book.acknowledged:>9,} swipes  {what}")

        try:
            return run_seed(load, kills, datetime.now(UTC), said, book)
        except (NobodyLeft, Stalled, Unreachable, NotAtRest, LakeBehind, StackError) as error:
            console.print(f"seed {load.seed}: {error}", style="red", markup=False)
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except Exception:
            # The seeds before it are not lost for it.
            console.print_exception()
            raise typer.Exit(1) from None
