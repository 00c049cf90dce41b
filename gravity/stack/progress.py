"""How far the programs of a stack are: what their launchers noted, and why one does not come up."""

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Collection
from typing import TypedDict

from gravity.stack.failures import StackError
from gravity.stack.home import Home
from gravity.stack.supervision import ProcessInfo, Supervision

POLL_SECONDS = 0.05
# After so many starts nothing will change, though supervisor itself goes on trying.
HOPELESS_STARTS = 3


class ProgramFailed(StackError):
    """A program of the stack does not come up; the message ends with the end of its log."""

    def __init__(self, home: Home, name: str, why: str) -> None:
        log = home.log(name)
        lines = (
            log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        )
        tail = "\n".join(f"  {line}" for line in lines[-15:])
        super().__init__(f"{name} does not start: {why}. The end of {log}:\n{tail}")


class Started(TypedDict):
    """When a program became ready, as its launcher noted it (epoch seconds)."""

    pid: int
    launched_at: float
    ready_at: float


def started(home: Home, process: ProcessInfo) -> Started | None:
    """Return when the process became ready; None until then."""
    path = home.started / f"{process.name}.json"
    with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
        note: Started = json.loads(path.read_text(encoding="ascii"))
        return note if note["pid"] == process.pid else None
    return None


def wait_until_ready(
    home: Home, supervision: Supervision, names: Collection[str], timeout_s: float
) -> None:
    """Return when all named programs are ready; raises ProgramFailed, or OSError if all ended."""
    deadline = time.monotonic() + timeout_s
    starts: dict[str, set[int]] = defaultdict(set)
    while True:
        processes = {process.name: process for process in supervision.processes()}
        waiting = [name for name in names if not _is_ready(home, processes.get(name))]
        if not waiting:
            return
        for name in waiting:
            _fail_if_hopeless(home, name, processes.get(name), starts)
        if time.monotonic() > deadline:
            raise ProgramFailed(home, waiting[0], f"not ready within {timeout_s:.0f} s")
        time.sleep(POLL_SECONDS)


def _is_ready(home: Home, process: ProcessInfo | None) -> bool:
    return process is not None and process.pid > 0 and started(home, process) is not None


def _fail_if_hopeless(
    home: Home, name: str, process: ProcessInfo | None, starts: dict[str, set[int]]
) -> None:
    if process is None:
        raise ProgramFailed(home, name, "no such program")
    starts[name].add(process.started_at)
    if process.state == "FATAL" or len(starts[name]) > HOPELESS_STARTS:
        raise ProgramFailed(home, name, f"{process.state.lower()}, exit code {process.exit_code}")
