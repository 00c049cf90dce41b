"""`gravity check`: does Redis hold what Postgres says?"""

from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from features.behaviour_check import Difference as FeatureDifference
    from interactions.charges import ChargeDifference
    from interactions.read_side_check import Difference

_SHOWN: Final = 50


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds for each step of what is under way to arrive.")
    ] = 60.0,
) -> None:
    """Compare what Redis holds of everybody's swipes with the truth: the lists (seen, likes,
    matches, blocks) and what the day was charged with Postgres, the counts with a recount of the
    lake.

    What is under way is no difference: where the two differ, the check waits until everything has
    arrived that was in the log, and looks at those people again. `gravity rebuild`, for counts
    with --behaviour, puts right what it finds, but for charges that are too high: they end with
    the day. The exit code is 1 if there is a difference, 2 if
    something did not arrive.
    """
    import asyncio

    from features.stream_lock import LakeBehind
    from interactions.settling import NotSettled

    try:
        lists, charges, counts = asyncio.run(_differences(wait))
    except (NotSettled, LakeBehind) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(2) from None
    _print(lists, charges, counts, as_json)
    raise typer.Exit(1 if lists or charges or counts else 0)


async def _differences(
    wait_s: float,
) -> "tuple[list[Difference], list[ChargeDifference], list[FeatureDifference]]":
    from cli.connections import connections, load_settings
    from features import behaviour_check
    from gravity.kernel import utc_now
    from interactions import charges
    from interactions.read_side_check import differences
    from interactions.settling import Settling

    settings = load_settings()
    async with connections() as to:
        settling = Settling(to.pool, settings.bus_url, utc_now, wait_s)
        lists = await differences(to.pool, to.redis, settling)
        charged = await charges.differences(to.pool, to.redis, settling, utc_now())
        counts = await behaviour_check.differences(to.pool, to.features, settings.lake, wait_s)
        counts += await behaviour_check.left_behind(to.redis, to.features)
    return lists, charged, counts


def _print(
    lists: "list[Difference]",
    charges: "list[ChargeDifference]",
    features: "list[FeatureDifference]",
    as_json: bool,
) -> None:
    import json
    from collections import Counter
    from dataclasses import asdict

    if as_json:
        kinds: dict[str, object] = dict(Counter(str(one.kind) for one in lists))
        found: dict[str, object] = {
            "read_side_differences": len(lists) + len(charges),
            "feature_count_differences": len(features),
            **kinds,
            "charges": len(charges),
            "listed": [
                *(asdict(one) for one in lists),
                *(asdict(one) for one in charges),
                *(asdict(one) for one in features),
            ],
        }
        typer.echo(json.dumps(found))
        return
    lines = [f"{one.kind}: {one.other} of {one.person} is only in {one.only_in}" for one in lists]
    lines += [
        f"day {one.day} of {one.person}: charged {one.swipes[0]} swipes and {one.superlikes[0]}"
        f" superlikes in redis, {one.swipes[1]} and {one.superlikes[1]} recorded in postgres"
        for one in charges
    ]
    lines += [
        f"{one.column} of {one.person}: {one.redis} in redis, {one.recount} in the lake"
        for one in features
    ]
    for line in lines[:_SHOWN]:
        typer.echo(line)
    if len(lines) > _SHOWN:
        typer.echo(f"… and {len(lines) - _SHOWN} more (--json lists all)")
    typer.echo(f"read side: {len(lists) + len(charges)} differences")
    typer.echo(f"feature counts: {len(features)} differences")
