"""What a benchmark leaves behind: nothing."""

from pathlib import Path

import psutil

from gravity.stack.orphans import MARK


def left(folder: Path) -> list[str]:
    """What is left of a stack in `folder`: files, and processes."""
    marks = {p.pid: _mark(p) for p in psutil.process_iter()}
    processes = [str(pid) for pid, mark in marks.items() if mark.startswith(str(folder))]
    return [*map(str, folder.iterdir()), *processes]


def _mark(process: psutil.Process) -> str:
    try:
        return process.environ().get(MARK, "")
    except psutil.Error:
        return ""
