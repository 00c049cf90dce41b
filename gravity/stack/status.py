"""What each process of a stack is doing, how much memory it holds and how long it took to start."""

import contextlib
import time
from dataclasses import dataclass

import psutil

from gravity.stack.progress import started
from gravity.stack.stack import Stack
from gravity.stack.supervision import ProcessInfo

MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory of a program with its child processes, in MB.

    rss_mb counts pages that processes share once for each; pss_mb counts them once in all.
    """

    rss_mb: float
    pss_mb: float


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """One program of the stack.

    state: `ready`, `starting` (also while it waits for another program), or supervisor's word.
    start_seconds: from the start of its own command, after those it waits for, until it was ready.
    """

    name: str
    state: str
    pid: int | None
    rss_mb: float
    pss_mb: float
    start_seconds: float | None
    uptime_seconds: float | None
    url: str


def _family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _memory(pid: int) -> Memory:
    rss = pss = 0
    for process in _family(pid):
        with contextlib.suppress(psutil.Error):
            memory = process.memory_full_info()
            rss += memory.rss
            # Only Linux knows the proportional share.
            pss += getattr(memory, "pss", memory.rss)
    return Memory(round(rss / MEGABYTE, 1), round(pss / MEGABYTE, 1))


def _status(stack: Stack, process: ProcessInfo, now: float) -> ProgramStatus:
    note = started(stack.home, process) if process.pid else None
    memory = _memory(process.pid) if process.pid else Memory(0, 0)
    running = "ready" if note else "starting"
    return ProgramStatus(
        name=process.name,
        state=running if process.state in ("RUNNING", "STARTING") else process.state.lower(),
        pid=process.pid or None,
        rss_mb=memory.rss_mb,
        pss_mb=memory.pss_mb,
        start_seconds=round(note["ready_at"] - note["launched_at"], 2) if note else None,
        uptime_seconds=round(now - process.started_at) if process.pid else None,
        url=stack.supervision.url(process.name),
    )


def status(stack: Stack) -> list[ProgramStatus]:
    """Return the status of every program, in the order of their start."""
    now = time.time()
    return [_status(stack, process, now) for process in stack.supervision.processes()]
