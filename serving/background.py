"""Work that gives way: what nobody's deck waits for runs in threads of low priority."""

import asyncio
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_STEPS: Final = 10
_LOWEST: Final = 19


async def quietly(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call in a thread of its own that the kernel runs when nobody else wants the core (Linux).

    For work that spends its time outside the interpreter's lock: hashing, arrays, page faults.
    """
    # Of its own: a thread may not raise its priority again, so that no pool could lend one.
    pool = ThreadPoolExecutor(1, thread_name_prefix="quiet", initializer=_give_way)
    try:
        return await asyncio.wrap_future(pool.submit(work, *args, **kwargs))
    finally:
        # Whoever is cancelled does not wait for the thread.
        pool.shutdown(wait=False)


def _give_way() -> None:
    if sys.platform == "linux":
        thread = threading.get_native_id()
        now = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, min(_LOWEST, now + _STEPS))
