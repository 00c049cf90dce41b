"""`gravity token`."""

import os
from pathlib import Path
from typing import Annotated

import typer


def token(
    viewer: Annotated[
        int, typer.Option("--viewer", min=1, max=2**63 - 1, help="Whom the token speaks for.")
    ],
    hours: Annotated[float, typer.Option(min=0.01, max=24 * 365, help="Valid for.")] = 24,
    zone: Annotated[
        str, typer.Option(help="The viewer's zone, such as Europe/Berlin: the day of quotas.")
    ] = "",
    device: Annotated[str, typer.Option(help="The viewer's device, for its own limit.")] = "",
) -> None:
    """Print a bearer token of the development issuer for a viewer, on one line."""
    from datetime import timedelta

    from gravity.issuer import issue
    from gravity.kernel import utc_now
    from gravity.stack.keys import jwt_private_file

    file = jwt_private_file(Path(os.environ.get("GRAVITY_HOME", ".gravity")) / "keys")
    try:
        private = file.read_text(encoding="ascii").strip()
    except OSError:
        typer.echo(f"no key of a development issuer at {file}: run `gravity up` first", err=True)
        raise typer.Exit(1) from None
    ttl = timedelta(hours=hours)
    typer.echo(issue(private, viewer, utc_now(), ttl, zone=zone, device=device))
