"""Memory of the processes of a stack."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

import psutil

_MB: Final = 1e6


class Memory(TypedDict):
    """Millions of bytes of a program's processes together. RSS counts a page that some of them
    share, or that a file is mapped to, in each of them; PSS divides it among them."""

    rss_mb: float
    pss_mb: float
    processes: int


def memory(pids: Mapping[str, int]) -> dict[str, Memory]:
    """Of each program by name, and of its children as `NAME: children` where it has some. What
    ended meanwhile counts nothing."""
    found: dict[str, Memory] = {}
    for name, pid in pids.items():
        with contextlib.suppress(psutil.NoSuchProcess):
            program = psutil.Process(pid)
            children = program.children(recursive=True)
            found[name] = _together([program])
            if children:
                found[f"{name}: children"] = _together(children)
    return found


def rss_mb(found: Mapping[str, Memory], program: str) -> float:
    """Of a program and its children."""
    return round(sum(found[name]["rss_mb"] for name in found if _is_of(name, program)), 1)


def _is_of(name: str, program: str) -> bool:
    return name in (program, f"{program}: children")


def _together(processes: Sequence[psutil.Process]) -> Memory:
    rss = pss = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            used = process.memory_full_info()
            rss, pss = rss + used.rss, pss + used.pss
    return Memory(rss_mb=round(rss / _MB, 1), pss_mb=round(pss / _MB, 1), processes=len(processes))
