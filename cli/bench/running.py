"""What every benchmark's command does around its measuring: progress, and how it ends."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

Say = Callable[[str], None]


@contextmanager
def running(console: "Console", *failures: type[Exception]) -> Iterator[Say]:
    """Gives what tells the user, in a line that changes, or in lines where nobody watches.

    One of `failures` ends the command with a line and status 1, a signal with 130; what was
    started is ended on the way.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        with console.status("") as status:

            def say(what: str) -> None:
                status.update(what)
                if not console.is_terminal:
                    console.print(what, highlight=False)

            yield say
    except failures as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Ends the command wherever it is. asyncio would put its own in the place of Python's handler,
    which cancels its task once: a wait that ends in the same moment swallows that."""
    raise KeyboardInterrupt
