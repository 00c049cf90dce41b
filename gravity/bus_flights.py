"""When a producer may send: many small appends become a few large ones.

Each batch of a partition costs the embedded broker and its store about 8 ms of CPU, whether it
holds one record or a thousand. So what is to be appended leaves in flights. While one is under way
the next one fills; after each the producer rests as long as it took, and then waits a little for
those who came along last time. Alone, an append waits for nobody; the busier the broker, the longer
a flight takes, and the fuller is the next one.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from gravity.bus_records import Message, RecordPosition

Outcome = RecordPosition | str
"""Where a record stands, or why it is not known to."""

# One that takes longer keeps nobody waiting.
_LONGEST_FLIGHT_S: Final = 1.0
_LONGEST_REST_S: Final = 0.1


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
    """Calls `send` for each wave: at once where `rest` is 0, or else flight by flight, with a rest
    of so many times its duration after each."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, rest: float, send: Callable[[Wave], None]
    ) -> None:
        self._loop = loop
        self._rest = rest
        self._send = send
        self._waiting: list[Wave] = []
        self._under_way: set[Wave] = set()
        # When the last flight left, how long it took (and so the rest), how many waves it had.
        self._left_at = self._took = 0.0
        self._waves = 0
        self._timer: asyncio.TimerHandle | None = None
        # Nobody is under way, and the rest is over.
        self._ready = True

    def join(self, wave: Wave) -> None:
        """Send a wave as soon as it may leave."""
        if not self._rest:
            self._send(wave)
            return
        self._waiting.append(wave)
        if self._ready:
            self._gather()

    def _gather(self) -> None:
        """Leave if at least half as many wait as came along last time, or else a little later."""
        if 2 * len(self._waiting) >= self._waves:
            self._leave()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._took, self._leave)

    def _leave(self) -> None:
        self._set_timer(_LONGEST_FLIGHT_S, self._rested)
        self._ready = False
        waves, self._waiting = self._waiting, []
        self._left_at, self._waves = self._loop.time(), len(waves)
        self._under_way = set(waves)
        for wave in waves:
            wave.done.add_done_callback(partial(self._landed, wave))
            self._send(wave)

    def _landed(self, wave: Wave, _: object) -> None:
        if wave not in self._under_way:
            return
        self._under_way.remove(wave)
        if not self._under_way:
            took = (self._loop.time() - self._left_at) * self._rest
            self._took = min(took, _LONGEST_REST_S)
            self._set_timer(self._took, self._rested)

    def _rested(self) -> None:
        self._timer, self._ready = None, True
        self._under_way.clear()
        if self._waiting:
            self._gather()

    def _set_timer(self, seconds: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, then)
