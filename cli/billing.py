"""`gravity billing entitle`."""

from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(name="billing", help="What people are entitled to.", no_args_is_help=True)


class TierName(StrEnum):
    """The tiers that can be given."""

    FREE = "free"
    PLUS = "plus"
    GOLD = "gold"


@app.callback()
def _group() -> None:
    """What people are entitled to."""


@app.command()
def entitle(
    person: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The person's id.")],
    tier: Annotated[TierName, typer.Option("--tier", help="From now on.")],
    boost_hours: Annotated[float, typer.Option(min=0, max=720, help="A boost, from now on.")] = 0,
) -> None:
    """Give a person a tier."""
    import asyncio

    asyncio.run(_entitle(person, tier.value, boost_hours))
    typer.echo(f"person {person} is entitled to {tier.value}")


async def _entitle(person: int, tier: str, boost_hours: float) -> None:
    from datetime import timedelta

    from billing.entitlements import TIERS, PersonUnknown
    from billing.entitlements import entitle as entitle_person
    from cli.connections import connections
    from gravity.kernel import utc_now

    now = utc_now()
    boost_until = now + timedelta(hours=boost_hours) if boost_hours else None
    async with connections() as to:
        try:
            await entitle_person(to.pool, to.redis, person, TIERS[tier], now, boost_until)
        except PersonUnknown:
            raise typer.BadParameter(f"there is no person {person}") from None
