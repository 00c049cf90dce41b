"""`gravity import profiles | swipes | ratings`: people and swipes from CSV and Parquet files."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from cli.importing.effects import Stores
    from cli.importing.runs import Request, Summary

app = typer.Typer(
    name="import",
    help="Import profiles, swipes or ratings from CSV or Parquet (docs/import.md).",
    no_args_is_help=True,
)

_File = Annotated[Path, typer.Argument(help="A .parquet, .csv or .csv.gz file.")]
_Rejected = Annotated[
    Path | None,
    typer.Option("--rejected", help="Where refused rows go. [FILE.rejected.csv]"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")]

_SOME_REFUSED: Final = 0
_NOTHING_IMPORTED: Final = 1
_UNREADABLE: Final = 2


@app.command()
def profiles(file: _File, rejected: _Rejected = None, as_json: _Json = False) -> None:
    """Import people: who they are, whom they seek, where they live."""
    from cli.importing.runs import PROFILES_EACH, import_profiles

    _import(file, rejected, as_json, PROFILES_EACH, import_profiles)


@app.command()
def swipes(
    file: _File,
    rejected: _Rejected = None,
    as_json: _Json = False,
    without_profiles: Annotated[
        bool, typer.Option("--without-profiles", help="Take swipes of people without a profile.")
    ] = False,
) -> None:
    """Import swipes that were made elsewhere, with what is known of their impressions."""
    from cli.importing.runs import SWIPES_EACH, import_swipes

    async def run(stores: "Stores", request: "Request") -> "Summary":
        return await import_swipes(stores, request, without_profiles)

    _import(file, rejected, as_json, SWIPES_EACH, run)


@app.command()
def ratings(
    file: _File,
    rejected: _Rejected = None,
    as_json: _Json = False,
    threshold: Annotated[float, typer.Option(help="The lowest rating that is a like.")] = 8.0,
    add_to_ids: Annotated[int, typer.Option(help="Added to every id.")] = 0,
    days: Annotated[int, typer.Option(help="Days before now to lay the ratings over.")] = 30,
) -> None:
    """Import ratings (rater, rated, rating) as likes and passes of people without profiles."""
    from cli.importing.ratings import RatingScale
    from cli.importing.runs import SWIPES_EACH, import_ratings

    async def run(stores: "Stores", request: "Request") -> "Summary":
        return await import_ratings(stores, request, RatingScale(threshold, add_to_ids, days))

    _import(file, rejected, as_json, SWIPES_EACH, run)


def _import(
    file: Path,
    rejected: Path | None,
    as_json: bool,
    rows_each: int,
    run: "Callable[[Stores, Request], Awaitable[Summary]]",
) -> None:
    import asyncio

    from cli.connections import load_settings, stores_answer
    from cli.importing.effects import open_stores
    from cli.importing.runs import Request
    from cli.importing.show import progress_bar, show
    from cli.importing.sources import UnreadableFile
    from features.stream_lock import LakeBehind
    from gravity.kernel import utc_now

    settings = load_settings(_UNREADABLE)

    async def work() -> "Summary":
        with progress_bar(file.name) as report:
            target = rejected or file.with_name(f"{file.name}.rejected.csv")
            folder = settings.home / "imports"
            request = Request(file, folder, target, rows_each, utc_now(), report)
            async with open_stores(settings) as stores:
                return await run(stores, request)

    try:
        with stores_answer(_UNREADABLE):
            summary = asyncio.run(work())
    except (UnreadableFile, LakeBehind) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(_UNREADABLE) from None
    show(summary, as_json)
    nothing = summary.rows > 0 and summary.rejected == summary.rows
    raise typer.Exit(_NOTHING_IMPORTED if nothing else _SOME_REFUSED)
