"""A process that is killed with -9 just before the n-th change to files below a folder."""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CHANGES = {"open", "os.rename", "os.mkdir", "os.remove"}


def killed_before(nth: int, folder: Path, work: Callable[..., object], *args: object) -> bool:
    """Run `work(*args)` in a process of its own; False where it finished before it was killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["features.lake_writer", "features.lake_eraser"])
    child = context.Process(target=_run, args=(nth, str(folder), work, args))
    child.start()
    child.join(60)
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def _run(nth: int, folder: str, work: Callable[..., object], args: tuple[object, ...]) -> None:
    left = nth

    def audit(event: str, details: tuple[Any, ...]) -> None:
        nonlocal left
        if event in _CHANGES and any(folder in str(detail) for detail in details):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(audit)
    work(*args)
