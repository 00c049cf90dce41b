"""`gravity erase`."""

from typing import Annotated

import typer


def erase(
    person: Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The person's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person for good: shown to nobody from now on, removed within seconds.

    Removed: profile, place, preferences, row and cell in Redis, lists of likes and matches, tier.
    Their swipes, matches and lists go within seconds, in Postgres, Redis and the lake. Not yet: what
    releases learned.
    """
    import asyncio

    if not yes:
        typer.confirm(f"Erase person {person} for good?", abort=True)
    first = asyncio.run(_erase(person))
    typer.echo(f"person {person} is withdrawn" if first else f"person {person} was erased before")


async def _erase(person: int) -> bool:
    from cli.connections import connections
    from gravity.kernel import utc_now
    from identity.erasure import PersonUnknown
    from identity.erasure import erase as erase_person

    async with connections() as to:
        try:
            return await erase_person(to.pool, to.redis, person, utc_now())
        except PersonUnknown:
            raise typer.BadParameter(f"there is no person {person}") from None
