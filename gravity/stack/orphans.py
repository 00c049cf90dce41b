"""Processes that outlived their supervisor: found by the mark in their environment."""

import contextlib
import os
from pathlib import Path

import psutil

# Every process below supervisord inherits this variable; its value is the stack's folder.
MARK = "GRAVITY_STACK_HOME"


def has_ended(process: psutil.Process) -> bool:
    """Tell whether the process does nothing any more, reaped by its parent or not."""
    try:
        # While other threads still end, the process holds its ports though it shows as a zombie.
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def _belongs(process: psutil.Process, home: Path) -> bool:
    with contextlib.suppress(psutil.Error, OSError):
        if has_ended(process):
            return False
        if process.environ().get(MARK) == str(home):
            return True
        # PostgreSQL's sessions overwrite their environment, but they live in its data folder.
        return process.name() == "postgres" and home in Path(process.cwd()).parents
    return False


def find(home: Path) -> list[psutil.Process]:
    """Return the living processes of the stack in `home`, without the caller and its parents."""
    family = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    return [
        process
        for process in psutil.process_iter()
        if process.pid not in family and _belongs(process, home)
    ]


def end(home: Path) -> int:
    """Kill the stack's processes until none is left; returns how many there were."""
    ended = 0
    while found := find(home):
        ended += len(found)
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=5)
    return ended
