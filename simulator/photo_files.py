"""Makes the files of the pool of drawings: once, by processes that give way to everything else."""

import fcntl
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from gravity.atomic_file import write_atomic
from gravity.child_process import end_with_parent
from simulator import avatars

FOLDER: Final = "photos"
"""Below the media's root: what `/photos/…` is looked up in."""

_NICE: Final = 15
_EACH_TIME: Final = 8
_LOCK: Final = ".drawing"


def missing(folder: Path) -> list[int]:
    """Drawings without a file in `folder`, which need not exist."""
    there = {path.name for path in folder.glob("avatar-*.png")}
    return [each for each in range(avatars.POOL) if avatars.file_name(each) not in there]


def make_photos(folder: Path, say: Callable[[int, int], None], processes: int = 2) -> int:
    """Write what `folder` lacks of the pool; returns how many files that were.

    `say(done, of)` hears of the progress, what was there before included. Killed at any moment, it
    leaves whole files only, and goes on with what is missing the next time. A second call for the
    same folder waits for the first. Raises OSError (a full disk).
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        lacking = missing(folder)
        done = avatars.POOL - len(lacking)
        for _ in _drawn(folder, lacking, processes):
            done += 1
            say(done, avatars.POOL)
    return len(lacking)


def _drawn(folder: Path, drawings: list[int], processes: int) -> Iterator[None]:
    if not drawings:
        return
    # Spawned: who asks may have threads, and a fork would inherit their locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_give_way) as pool:
        yield from pool.map(partial(_draw, folder), drawings, chunksize=_EACH_TIME)


def _draw(folder: Path, drawing: int) -> None:
    write_atomic(folder / avatars.file_name(drawing), avatars.png(drawing))


def _give_way() -> None:
    os.nice(_NICE)
    # Ctrl-C reaches everybody in the terminal; who asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Whoever was killed while writing left the half of a file under another name.
        for leftover in folder.glob(".avatar-*"):
            leftover.unlink(missing_ok=True)
        yield
