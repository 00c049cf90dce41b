"""CPU time of the processes of a stack."""

import contextlib
from collections.abc import Mapping

import psutil


def seconds(pids: Mapping[str, int]) -> dict[str, float]:
    """CPU seconds that each program and its children have used, by name; `supervisor`, which reads
    the logs of all of them, by itself."""
    with contextlib.suppress(psutil.NoSuchProcess):
        programs = {name: psutil.Process(pid) for name, pid in pids.items()}
        parent = next(iter(programs.values())).parent()
        own = {"supervisor": _own(parent)} if parent is not None else {}
        return {name: _with_children(program) for name, program in programs.items()} | own
    return {}


def _with_children(program: psutil.Process) -> float:
    return sum(map(_own, (program, *program.children(recursive=True))))


def _own(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def spent(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was used between two readings."""
    return {name: after[name] - before[name] for name in before if name in after}
