"""`gravity safety`: ban, shadow-ban, lift."""

from typing import Annotated

import typer

app = typer.Typer(name="safety", help="Ban people, and lift bans.", no_args_is_help=True)

Person = Annotated[int, typer.Argument(min=1, max=2**63 - 1, help="The person's id.")]
Reason = Annotated[str, typer.Option("--reason", help="Kept with the decision.")]


@app.command()
def ban(person: Person, reason: Reason) -> None:
    """Show the person to nobody, and let them match nobody."""
    _decide("ban", person, reason)


@app.command("shadow-ban")
def shadow_ban(person: Person, reason: Reason) -> None:
    """The same, without the person noticing: they go on swiping."""
    _decide("shadow-ban", person, reason)


@app.command()
def lift(person: Person, reason: Reason) -> None:
    """End a ban of either kind."""
    _decide("lift", person, reason)


def _decide(verb: str, person: int, reason: str) -> None:
    import asyncio

    asyncio.run(_decided(verb, person, reason))
    typer.echo(f"{verb}: person {person}, in force now")


async def _decided(verb: str, person: int, reason: str) -> None:
    from cli.connections import connections
    from gravity.kernel import utc_now
    from safety.decisions import DECISIONS, PersonUnknown, ReasonMissing, decide

    async with connections() as to:
        try:
            await decide(to.pool, to.redis, person, DECISIONS[verb], reason, utc_now())
        except PersonUnknown:
            raise typer.BadParameter(f"there is no person {person}") from None
        except ReasonMissing:
            raise typer.BadParameter("a decision needs a reason") from None
