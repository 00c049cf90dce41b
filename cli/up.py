"""`gravity up`."""

import os
import sys
import time

import typer


def up() -> None:
    """Start everything that is not running, and return when it is ready."""
    from cli import programs
    from cli.first_deck import at_work

    began = time.monotonic()
    with at_work(programs.home().path):
        _up(began)


def _up(began: float) -> None:
    from cli import programs
    from cli.first_deck import read_first_deck
    from cli.photo_catch_up import catch_up_in_background
    from gravity.stack.failures import StackError

    try:
        stack = programs.start(os.environ)
        for name in [process.name for process in stack.supervision.processes()]:
            stack.wait({name})
            typer.echo(f"{name:<10} ready  {stack.supervision.url(name)}")
    except StackError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    if read_first_deck(stack.home.path)["finished"]:
        # A demo that was stopped before its photos were all there.
        catch_up_in_background(stack.home)
    typer.echo(f"up in {time.monotonic() - began:.1f} s, logs in {stack.home.logs}")
