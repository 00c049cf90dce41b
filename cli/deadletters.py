"""`gravity deadletters`: records that no retry could handle."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gravity.dead_letter_requests import Listed, Outcome

app = typer.Typer(
    name="deadletters",
    help="Records that a consumer could not handle: look at them, have them handled again.",
    no_args_is_help=True,
)
_Consumer = Annotated[str | None, typer.Option(help="Those of this consumer only.")]


@app.command("list")
def list_(
    consumer: _Consumer = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
    payload: Annotated[
        bool, typer.Option(help="Show keys and contents too: they may be people's data.")
    ] = False,
) -> None:
    """List dead letters, the newest first, and how many older ones were dropped."""
    import asyncio

    letters, dropped = asyncio.run(_listed(consumer))
    if as_json:
        _print_json(letters, dropped, payload)
    else:
        _print_table(letters, dropped, payload)


@app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Option("--id", help="This one; may be repeated.")
    ] = None,
    consumer: _Consumer = None,
    every: Annotated[bool, typer.Option("--all", help="All of all consumers.")] = False,
    timeout: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for the running consumers.")
    ] = 60.0,
) -> None:
    """Have the running consumers handle dead letters again, and wait until they have.

    What is handled is gone from the list; what is refused again stays, with the reason of now.
    """
    import asyncio

    if sum([bool(ids), consumer is not None, every]) != 1:
        raise typer.BadParameter("say which: --id (several times), --consumer or --all")
    outcome = asyncio.run(_replayed(ids, consumer, timeout))
    typer.echo(f"{outcome.handled} handled, {outcome.refused} refused again")
    if outcome.waiting:
        typer.secho(
            f"{outcome.waiting} still wait after {timeout:g} s; they stay marked. Is a consumer of "
            f"that name running? ({', '.join(outcome.consumers_waiting)})",
            fg="red",
            err=True,
        )
    if outcome.waiting or outcome.refused:
        raise typer.Exit(1)


async def _listed(consumer: str | None) -> "tuple[list[Listed], dict[str, int]]":
    from cli.connections import database
    from gravity import dead_letter_requests as requests

    async with database() as conn:
        return await requests.listed(conn, consumer), await requests.dropped(conn, consumer)


async def _replayed(ids: list[int] | None, consumer: str | None, wait_s: float) -> "Outcome":
    from cli.connections import database
    from gravity import dead_letter_requests as requests

    async with database() as conn:
        marked = await requests.mark(conn, ids, consumer)
        if unknown := sorted(set(ids or ()) - set(marked)):
            raise typer.BadParameter(f"no dead letter has the id {unknown[0]}")
        return await requests.outcome(conn, marked, wait_s)


def _print_json(letters: "list[Listed]", dropped: dict[str, int], payload: bool) -> None:
    import json

    rows = [
        {
            "id": letter.id,
            "consumer": letter.consumer,
            "topic": letter.topic,
            "partition": letter.partition,
            "offset": letter.offset,
            "reason": letter.reason,
            "attempts": letter.attempts,
            "at": letter.at.isoformat(),
            **({"key": letter.key.hex(), "value": letter.value.hex()} if payload else {}),
        }
        for letter in letters
    ]
    typer.echo(json.dumps({"letters": rows, "dropped": dropped}))


def _print_table(letters: "list[Listed]", dropped: dict[str, int], payload: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "consumer", "topic", "at", "attempts", "reason", box=None)
    for column in ("key", "value") if payload else ():
        table.add_column(column)
    for letter in letters:
        place = f"{letter.topic}/{letter.partition}:{letter.offset}"
        shown = [letter.key.hex(), letter.value.hex()] if payload else []
        when = letter.at.isoformat(timespec="seconds")
        cells = (letter.consumer, place, when, str(letter.attempts), letter.reason)
        table.add_row(str(letter.id), *cells, *shown)
    console = Console(soft_wrap=True)
    if letters:
        console.print(table)
    else:
        console.print("no dead letters")
    for name, count in dropped.items():
        console.print(f"{name}: {count} dropped for newer ones")
