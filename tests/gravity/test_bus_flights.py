"""Flights: who leaves when. By a clock of the test's own, without a broker."""

import asyncio
from collections.abc import Callable
from typing import cast

from gravity.bus import Message, RecordPosition
from gravity.bus_flights import Flights, Wave


class Timer:
    def __init__(self, at: float, then: Callable[[], None]) -> None:
        self.at, self.then, self.cancelled = at, then, False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """The part of an event loop that flights use; time stands still but in `Runway.pass_`."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, then: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + seconds, then))
        return self.timers[-1]


class Runway:
    """Notes what is sent; `land` is the broker's answer to all that is under way."""

    def __init__(self, rest: float = 1.0) -> None:
        self.clock = Clock()
        loop = cast("asyncio.AbstractEventLoop", self.clock)
        self.flights = Flights(loop, rest, self._send)
        self.sent: list[bytes] = []
        self._under_way: list[Wave] = []

    def join(self, *values: bytes) -> Wave:
        messages = [Message("t", b"k", value) for value in values]
        wave = Wave(messages, {}, asyncio.get_running_loop().create_future())
        self.flights.join(wave)
        return wave

    def _send(self, wave: Wave) -> None:
        self.sent += [message.value for message in wave.messages]
        self._under_way.append(wave)

    async def land(self) -> None:
        waves, self._under_way = self._under_way, []
        for wave in waves:
            for n in range(len(wave.messages)):
                wave.report(n, RecordPosition(0, n))
        await asyncio.sleep(0)

    def pass_(self, seconds: float) -> None:
        self.clock.now += seconds
        due = [timer for timer in self.clock.timers if timer.at <= self.clock.now + 1e-9]
        self.clock.timers = [timer for timer in self.clock.timers if timer not in due]
        for timer in due:
            if not timer.cancelled:
                timer.then()


async def flown(runway: Runway, waves: int) -> None:
    """A flight of a lone wave, one of `waves`, and the rest after it."""
    runway.join(b"lone")
    for _ in range(waves):
        runway.join(b"along")
    for _ in range(2):
        runway.pass_(0.01)
        await runway.land()
        runway.pass_(0.01)
    runway.sent.clear()


async def test_alone_it_leaves_at_once() -> None:
    runway = Runway()
    wave = runway.join(b"a", b"b")
    assert runway.sent == [b"a", b"b"]
    await runway.land()
    assert await wave.done == [RecordPosition(0, 0), RecordPosition(0, 1)]


async def test_who_comes_while_one_is_under_way_leaves_with_the_next_after_the_rest() -> None:
    runway = Runway()
    runway.join(b"a")
    runway.join(b"b")
    runway.pass_(0.03)
    runway.join(b"c")
    await runway.land()
    runway.pass_(0.02)
    assert runway.sent == [b"a"]
    runway.pass_(0.01)
    assert runway.sent == [b"a", b"b", b"c"]


async def test_no_rest_is_longer_than_a_tenth_of_a_second() -> None:
    runway = Runway()
    runway.join(b"slow")
    runway.join(b"next")
    runway.pass_(0.9)
    await runway.land()
    runway.pass_(0.1)
    assert runway.sent == [b"slow", b"next"]


async def test_a_few_wait_until_half_of_those_have_come_who_came_along_last_time() -> None:
    runway = Runway()
    await flown(runway, waves=4)
    runway.join(b"one")
    assert runway.sent == []
    runway.join(b"two")
    assert runway.sent == [b"one", b"two"]


async def test_they_wait_no_longer_than_the_last_flight_took() -> None:
    runway = Runway()
    await flown(runway, waves=4)
    runway.join(b"alone")
    assert runway.sent == []
    runway.pass_(0.01)
    assert runway.sent == [b"alone"]


async def test_a_flight_without_an_answer_stops_nobody() -> None:
    runway = Runway()
    lost = runway.join(b"lost")
    runway.join(b"next")
    runway.pass_(1.0)
    assert runway.sent == [b"lost", b"next"]
    lost.end()
    assert await lost.done == ["no report by the deadline"]


async def test_a_wave_that_nobody_waits_for_any_more_has_landed() -> None:
    runway = Runway()
    runway.join(b"given up").done.cancel()
    runway.join(b"next")
    await asyncio.sleep(0)
    runway.pass_(0.0)
    assert runway.sent == [b"given up", b"next"]


async def test_without_rest_everything_leaves_at_once() -> None:
    runway = Runway(rest=0.0)
    for n in range(3):
        runway.join(b"%d" % n)
    assert runway.sent == [b"0", b"1", b"2"]
