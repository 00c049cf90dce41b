"""Stacks of shell one-liners: what the stack does with programs, without the weight of servers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from gravity.stack import stack
from gravity.stack.home import Home
from gravity.stack.program import Check, Program


def shell(home: Home, name: str, script: str, after: Sequence[str] = (), nice: int = 0) -> Program:
    """A program that is ready when its file `<name>.ready` exists."""
    ready = home.path / f"{name}.ready"
    return Program(
        name=name,
        command=("/bin/sh", "-c", script.replace("READY", str(ready))),
        check=Check("file", str(ready)),
        directory=str(home.path / name),
        prepare=("/bin/rm", "-f", str(ready)),
        after=tuple(after),
        nice=nice,
    )


def compose(*programs: Program) -> stack.Composition:
    """A stack of these programs, without settings."""
    return stack.Composition((), lambda place: programs, lambda place: {})


@contextmanager
def started(folder: Path, *programs: Program) -> Iterator[stack.Stack]:
    """Start the programs; whatever happens, none is left afterwards."""
    home = Home.at(folder)
    try:
        yield stack.start(home, compose(*programs), {})
    finally:
        stack.end(home)
