"""`gravity rebuild`: what Redis holds, again from Postgres, the lake and the registry."""

import logging
from typing import TYPE_CHECKING, Final

import typer

if TYPE_CHECKING:
    import asyncpg
    from redis.asyncio import Redis

    from cli.connections import Connections
    from gravity.settings import Settings

log = logging.getLogger(__name__)
_BATCH: Final = 1000
_SETTLING_S: Final = 60.0


def rebuild(
    behaviour: bool = typer.Option(
        False, help="Also counts and histories of swipes; the feature stream waits meanwhile."
    ),
) -> None:
    """Restore what Redis has lost from Postgres, the lake and the registry.

    While serving, it adds what is missing: withdrawals, rows and places of people, tiers, whom
    they have seen, likes, matches and blocks, what the day was charged, and which releases are live
    and served. Of whom they have seen, likes and matches it removes what Postgres does not know,
    once all that is under way has arrived; never a block, nor a charge.

    With --behaviour it also replaces counts and histories by what the lake holds, once the lake
    has every swipe that counts, and removes features that were left in Redis when they moved to a
    store of their own. Factors of people come back with the next promotion
    (`gravity retrain`).
    """
    import asyncio

    from cli.connections import load_settings

    asyncio.run(_rebuild(load_settings(), behaviour))


async def _rebuild(settings: "Settings", behaviour: bool) -> None:
    from billing.entitlements import restore_tiers
    from cli.connections import connections
    from features.behaviour_check import remove_left_behind
    from features.stream_lock import LakeBehind
    from features.writer import restore_behaviour
    from gravity.kernel import utc_now
    from interactions import charges, read_side

    async with connections() as to:
        # First: whoever is withdrawn must not be shown with a row that comes back.
        withdrawn = await restore_withdrawn(to.pool, to.redis)
        typer.echo(f"withdrawn: {withdrawn} people")
        typer.echo(f"rows and places: {await restore_people(to.pool, to.redis)} people")
        typer.echo(f"tiers: {await restore_tiers(to.pool, to.redis)} people")
        filled = await read_side.fill(to.redis, to.pool, None)
        typer.echo(f"seen {filled.seen}, likes {filled.likes}, matches {filled.matches}")
        typer.echo(f"charged: {await charges.restore(to.redis, to.pool, utc_now())} people")
        await _remove_extras(to, settings.bus_url)
        if behaviour:
            try:
                people = await restore_behaviour(to.pool, to.features, settings.lake)
            except LakeBehind as error:
                typer.secho(str(error), fg="red", err=True)
                raise typer.Exit(1) from None
            typer.echo(f"behaviour: {people} people")
            if removed := await remove_left_behind(to.redis, to.features):
                typer.echo(f"features left in the former store: {removed} people's removed")
        served = await restore_serving(to.redis, settings.mlflow_url)
        typer.echo(f"release set: {served}" if served else "release: left as it is")


async def _remove_extras(to: "Connections", bus_url: str) -> None:
    from gravity.kernel import utc_now
    from interactions.extras import remove_extras
    from interactions.read_side_check import confirmed
    from interactions.settling import NotSettled, Settling

    settling = Settling(to.pool, bus_url, utc_now, _SETTLING_S)
    try:
        removed = await remove_extras(to.redis, await confirmed(to.pool, to.redis, settling))
    except NotSettled as error:
        typer.secho(f"nothing was removed: {error}", fg="yellow", err=True)
        return
    kept = f"; {removed.kept} entries of blocks that only Redis knows stay" if removed.kept else ""
    typer.echo(f"removed: {removed.entries} entries that only Redis knew{kept}")


async def restore_withdrawn(pool: "asyncpg.Pool", redis: "Redis") -> int:
    """Withdraw again everybody whom safety or identity withdrew; puts nobody back."""
    from identity import erasure
    from safety import decisions

    banned = [r["person"] for r in await pool.fetch("select person from safety_standing")]
    erased = [r["person"] for r in await pool.fetch("select person from erasures")]
    async with pool.acquire() as conn:
        for start in range(0, len(banned), _BATCH):
            async with conn.transaction():
                # Under the rows' locks: no newer decision is undone.
                await decisions.enforce(conn, redis, banned[start : start + _BATCH])
    for start in range(0, len(erased), _BATCH):
        await erasure.withdraw(redis, erased[start : start + _BATCH])
    return len({*banned, *erased})


async def restore_people(pool: "asyncpg.Pool", redis: "Redis") -> int:
    """Write the row and the cell of everybody in Postgres unless a newer row stands."""
    import asyncio

    from profiles.rows import write_row
    from profiles.store import find_many

    last = done = 0
    while True:
        found = await pool.fetch(
            "select person from persons where person > $1 order by person limit $2", last, _BATCH
        )
        if not found:
            return done
        people = await find_many(pool, [row["person"] for row in found])
        for start in range(0, len(people), 50):
            await asyncio.gather(*(write_row(redis, p) for p in people[start : start + 50]))
        last, done = found[-1]["person"], done + len(people)


async def restore_serving(redis: "Redis", mlflow_url: str) -> str | None:
    """Set what is served, and what is live, from the aliases where that is missing.

    Returns the release set as served. A registry that does not answer changes nothing.
    """
    from features.live_releases import LIVE_KEY
    from features.registry import CHAMPION, PREVIOUS, aliases
    from features.wire import run

    if await redis.exists("release:serving") and await redis.exists(LIVE_KEY):
        return None
    try:
        known = await aliases(mlflow_url)
    except Exception as error:
        log.warning("registry not asked", extra={"error": type(error).__name__})
        return None
    live = [known[alias] for alias in (CHAMPION, PREVIOUS) if alias in known]
    if live and not await redis.exists(LIVE_KEY):
        await run(redis.sadd(LIVE_KEY, *live))
    champion = known.get(CHAMPION)
    if champion is not None and await redis.set("release:serving", champion, nx=True):
        return champion
    return None
