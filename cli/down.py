"""`gravity down`."""

import typer


def down() -> None:
    """Stop every process of the stack; what it stored stays."""
    from cli import programs
    from gravity.stack import stack

    killed = stack.end(programs.home())
    typer.echo("down" if not killed else f"down ({killed} processes had to be killed)")
