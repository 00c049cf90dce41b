"""A process that works for another one, and is of no use without it."""

import multiprocessing
import os
import threading


def end_with_parent() -> None:
    """From now on, end when the process ends that started this one by `multiprocessing`.

    A worker would wait for work for ever when who asked was killed.
    """
    threading.Thread(target=_end, daemon=True).start()


def _end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
