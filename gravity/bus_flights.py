"""When a producer may send: many small appends become a few large ones.

Each batch of a partition costs the embedded broker and its store about 8 ms of CPU, whether it holds
one record or a thousand. So what is to be appended leaves in flights: while one is under way the next
one fills, and after each the producer rests for a share of the time that it took. Alone, an append
waits for nobody; the busier the broker, the longer a flight takes and the fuller the next one is.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gravity.bus_records import Message, RecordPosition

Outcome = RecordPosition | str
"""Where a record stands, or why it is not known to."""

_LONGEST_FLIGHT_S: Final = 1.0


@dataclass(slots=True, eq=False)
class Wave:
    """Messages that are sent together, with `headers` where they have none of their own. `done`
    gets the outcomes, in the order of `messages`."""

    messages: Sequence[Message]
    headers: Mapping[str, bytes]
    done: asyncio.Future[list[Outcome]]
    outcomes: list[Outcome] = field(init=False)
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.outcomes = ["no report by the deadline"] * len(self.messages)
        self.left = len(self.messages)

    def report(self, n: int, outcome: Outcome) -> None:
        """Note what became of one message; to be called in the loop's thread."""
        self.outcomes[n] = outcome
        self.left -= 1
        if self.left == 0:
            self.end()

    def end(self) -> None:
        """Wait no longer: what has not been reported is unknown."""
        if not self.done.done():
            self.done.set_result(self.outcomes)


class Flights:
    """Calls `send` for each wave: at once where `rest` is 0, or else flight by flight."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, rest: float, send: Callable[[Wave], None]
    ) -> None:
        self._loop = loop
        self._rest = rest
        self._send = send
        self._waiting: list[Wave] = []
        self._under_way: set[Wave] = set()
        self._left_at = 0.0
        self._next: asyncio.TimerHandle | None = None

    def join(self, wave: Wave) -> None:
        """Send a wave as soon as it may leave."""
        if not self._rest:
            self._send(wave)
            return
        self._waiting.append(wave)
        if self._next is None:
            self._leave()

    def _leave(self) -> None:
        self._next = None
        # One that did not end in time is no reason for the others to wait.
        self._under_way.clear()
        if not self._waiting:
            return
        waves, self._waiting = self._waiting, []
        self._left_at = self._loop.time()
        self._next = self._loop.call_later(_LONGEST_FLIGHT_S, self._leave)
        self._under_way.update(waves)
        for wave in waves:
            wave.done.add_done_callback(lambda _, wave=wave: self._landed(wave))
            self._send(wave)

    def _landed(self, wave: Wave) -> None:
        if wave not in self._under_way:
            return
        self._under_way.remove(wave)
        if not self._under_way and self._next is not None:
            self._next.cancel()
            took = self._loop.time() - self._left_at
            self._next = self._loop.call_later(took * self._rest, self._leave)
