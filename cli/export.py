"""`gravity export`: all interactions of one person."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer


def export(
    person: Annotated[int, typer.Option(min=1, max=2**63 - 1, help="The person's id.")],
    output: Annotated[
        Path | None, typer.Option(help="Where to write it. [standard output]")
    ] = None,
) -> None:
    """Write all interactions of a person as one JSON document, as GET /v1/me/interactions does."""
    import asyncio

    asyncio.run(_export(person, output))


async def _export(person: int, output: Path | None) -> None:
    from cli.connections import connections
    from gravity.kernel import utc_now
    from interactions.export import export as export_of

    async with connections() as to:
        await _write(export_of(to.pool, person, utc_now()), output)


async def _write(pieces: AsyncIterator[str], output: Path | None) -> None:
    if output is None:
        async for piece in pieces:
            typer.echo(piece, nl=False)
        return
    with output.open("w", encoding="utf-8") as sink:
        async for piece in pieces:
            sink.write(piece)
