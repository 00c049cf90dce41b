"""Kills processes with -9 at random moments of the load, and brings back a dead supervisor."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import psutil

from cli.chaos.book import Book
from cli.own_stack import OwnStack

SUPERVISOR: Final = "supervisor"
_LOOK_S: Final = 0.02
_STALLED_S: Final = 180.0


class Stalled(Exception):
    """No swipe was acknowledged for minutes, though everything should have recovered."""


@dataclass
class Killer:
    """Kills `kills` processes, spread at random over the swipes of the load.

    Every kind dies in turn, in random order; one that is down already is passed over for the
    next. `killed`: how often each died.
    """

    stack: OwnStack
    kinds: Sequence[str]
    kills: int
    swipes: int
    dice: random.Random
    killed: Counter[str] = field(default_factory=Counter)

    async def run(self, book: Book, said: Callable[[str], None]) -> None:
        """Kill until all kills are done. Raises Stalled."""
        places = sorted(self.dice.uniform(0.02, 0.97) * self.swipes for _ in range(self.kills))
        waiting: list[str] = []
        for place in places:
            await self._until(book, place)
            while True:
                if not waiting:
                    waiting = self.dice.sample(list(self.kinds), len(self.kinds))
                victim = waiting.pop()
                if await asyncio.to_thread(self._kill, victim):
                    break
                await asyncio.sleep(_LOOK_S)
            self.killed[victim] += 1
            said(f"kill -9 {victim}")
            if victim == SUPERVISOR:
                await asyncio.to_thread(self.stack.start_again)

    async def _until(self, book: Book, acknowledged: float) -> None:
        loop = asyncio.get_running_loop()
        last, since = book.acknowledged, loop.time()
        while book.acknowledged < acknowledged:
            await asyncio.sleep(_LOOK_S)
            if book.acknowledged != last:
                last, since = book.acknowledged, loop.time()
            elif loop.time() - since > _STALLED_S:
                raise Stalled(f"nothing acknowledged for {_STALLED_S:.0f} s after {last} swipes")

    def _kill(self, victim: str) -> bool:
        """Whether there was something to kill."""
        try:
            pid = self._supervisor() if victim == SUPERVISOR else self.stack.pids().get(victim)
        except OSError:
            return False
        if not pid:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(pid).kill()
            return True
        return False

    def _supervisor(self) -> int:
        text = (self.stack.home.specs / "supervisord.pid").read_text(encoding="ascii")
        return int(text)
