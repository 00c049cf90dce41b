"""Something happens just before the n-th change to the files below a folder."""

import importlib
import os
import pickle
import signal
import subprocess
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
    server = _server()
    assert server.stdin is not None
    assert server.stdout is not None
    pickle.dump((nth, folder, work, args), server.stdin)
    server.stdin.flush()
    status: int = pickle.load(server.stdout)
    assert status in (0, -signal.SIGKILL)
    return status != 0


@cache
def _server() -> "subprocess.Popen[bytes]":
    """Forks for each piece of work. It has imported everything and has no threads; it ends with the
    pipe to it."""
    command = [sys.executable, "-m", __name__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def _serve() -> None:
    # pyarrow imports it as it first makes an array: once here, and not in every fork.
    importlib.import_module("pandas")
    while True:
        try:
            nth, folder, work, args = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        child = os.fork()
        if child == 0:
            with before_change(nth, folder, lambda: os.kill(os.getpid(), signal.SIGKILL)):
                work(*args)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        pickle.dump(status, sys.stdout.buffer)
        sys.stdout.buffer.flush()


@cache
def _install() -> None:
    def audit(event: str, details: tuple[Any, ...]) -> None:
        for changes in _watched:
            if event in _CHANGES and any(changes.folder in str(detail) for detail in details):
                changes.seen += 1
                if changes.seen == changes.nth:
                    changes.act()

    sys.addaudithook(audit)


if __name__ == "__main__":
    _serve()
