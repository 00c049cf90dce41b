"""Something happens just before the n-th change to the files below a folder."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_CHANGES = {"open", "os.rename", "os.mkdir", "os.remove"}


@dataclass
class Changes:
    """Changes below `folder` by this process; `act` is called before the n-th."""

    folder: str
    nth: int
    act: Callable[[], object]
    seen: int = 0

    @property
    def acted(self) -> bool:
        return self.seen >= self.nth


_watched: list[Changes] = []


@contextmanager
def before_change(nth: int, folder: Path, act: Callable[[], object]) -> Iterator[Changes]:
    """Call `act` just before the n-th change that the block makes, counted from 1."""
    _install()
    changes = Changes(str(folder), nth, act)
    _watched[:] = [changes]
    try:
        yield changes
    finally:
        _watched.clear()


def killed_before(nth: int, folder: Path, work: Callable[..., object], *args: object) -> bool:
    """Run `work(*args)` in a process that is killed with -9 before its n-th change; False where it
    finished before that."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["features.lake_writer", "features.lake_eraser"])
    child = context.Process(target=_mortal, args=(nth, folder, work, args))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def _mortal(nth: int, folder: Path, work: Callable[..., object], args: tuple[object, ...]) -> None:
    with before_change(nth, folder, lambda: os.kill(os.getpid(), signal.SIGKILL)):
        work(*args)


@cache
def _install() -> None:
    def audit(event: str, details: tuple[Any, ...]) -> None:
        for changes in _watched:
            if event in _CHANGES and any(changes.folder in str(detail) for detail in details):
                changes.seen += 1
                if changes.seen == changes.nth:
                    changes.act()

    sys.addaudithook(audit)
