"""`gravity check`: does Redis hold what Postgres says?"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from interactions.read_side_check import Difference

_SHOWN: Final = 50


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds for each step of what is under way to arrive.")
    ] = 60.0,
) -> None:
    """Compare the read side (seen, likes, matches, blocks) with Postgres, for everybody.

    What is under way is no difference: where the two differ, the check waits until everything has
    arrived that was in the log, and looks at those people again. `gravity rebuild` puts right what
    it finds. The exit code is 1 if there is a difference, 2 if something did not arrive.
    """
    import asyncio

    from interactions.settling import NotSettled

    try:
        found = asyncio.run(_differences(wait))
    except NotSettled as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(2) from None
    _print(found, as_json)
    raise typer.Exit(1 if found else 0)


async def _differences(wait_s: float) -> "list[Difference]":
    from cli.connections import connections, load_settings
    from gravity.kernel import utc_now
    from interactions.read_side_check import differences
    from interactions.settling import Settling

    bus_url = load_settings().bus_url
    async with connections() as to:
        # The recount of features comes here.
        return await differences(to.pool, to.redis, Settling(to.pool, bus_url, utc_now, wait_s))


def _print(found: "list[Difference]", as_json: bool) -> None:
    import json
    from collections import Counter
    from dataclasses import asdict

    if as_json:
        counts = Counter(one.kind for one in found)
        listed = [asdict(one) for one in found]
        typer.echo(json.dumps({"read_side_differences": len(found), **counts, "listed": listed}))
        return
    for one in found[:_SHOWN]:
        typer.echo(f"{one.kind}: {one.other} of {one.person} is only in {one.only_in}")
    if len(found) > _SHOWN:
        typer.echo(f"… and {len(found) - _SHOWN} more (--json lists all)")
    typer.echo(f"read side: {len(found)} differences")
