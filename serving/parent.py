"""A worker must not outlive the process that supervises it: it would keep the port."""

import ctypes
import os
import signal
import sys
from typing import Final

VARIABLE: Final = "GRAVITY_RANKER_SUPERVISOR"
"""The environment variable in which a supervising process tells its workers its id."""
_PR_SET_PDEATHSIG: Final = 1


def end_with_parent() -> None:
    """Have the kernel end this process when its parent ends, even by kill -9 (Linux only).

    BentoML's workers run in sessions of their own, out of reach of a signal to the group. A parent
    that ended before this was called is not missed: VARIABLE says who it was.
    """
    if sys.platform != "linux":
        return
    parent = int(os.environ.get(VARIABLE) or os.getppid())
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
