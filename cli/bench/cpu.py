"""CPU time of the processes of a stack."""

import contextlib
from collections.abc import Mapping

import psutil


def seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds that each program and its children have used, by name."""
    return {name: _with_children(pid) for name, pid in pids.items() if pid}


def _with_children(pid: int) -> float:
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        program = psutil.Process(pid)
        for process in (program, *program.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
    return total


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was used between two readings."""
    return {name: after[name] - before[name] for name in before if name in after}
