"""Decks under load: as many as come, then shares of that at times that nobody waits for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from cli.bench.deck.client import DeckClient, Window
from cli.bench.driver import GeneratorFailed

_CONNECTIONS: Final = (4, 8, 16)
_SHARES: Final = (0.25, 0.5, 0.75)
BUCKET: Final = 1.05
"""Each bucket of a histogram ends 5% above where it begins."""

Say = Callable[[str], None]


class Step(TypedDict):
    """One step of load. Latencies in ms: with `clients`, from the request that each of them sends
    when it has its last answer; without (an open loop), from when the request was due.

    `rate`: decks a second, and `share` what that is of saturation; asked for in an open loop, got
    in a closed one. `failed`: answers that are no deck; `fallbacks`: decks that the ranker did not
    rank. `histogram`: [upper bound in ms, decks] of each bucket that has some.
    """

    clients: int | None
    share: float
    rate: float
    decks: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    failed: int
    fallbacks: int
    histogram: list[tuple[float, int]]


class Trial(TypedDict):
    """A closed loop of so many connections: ranked decks a second, and what else came."""

    connections: int
    decks_per_s: float
    failed: int
    fallbacks: int


@dataclass(frozen=True, slots=True)
class Saturation:
    """The trials, and the window of the one with the most ranked decks a second."""

    trials: list[Trial]
    best: Window

    @property
    def failed(self) -> int:
        """Answers of all trials that are no deck."""
        return sum(trial["failed"] for trial in self.trials)

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of CPU that each program spent on a deck of the best trial."""
        decks = len(self.best.took_ms)
        return {name: round(s * 1e6 / decks, 1) for name, s in self.best.cpu_s.items()}


async def saturate(client: DeckClient, alone: Window, seconds: float, say: Say) -> Saturation:
    """As many decks as come with several connections, `seconds` each; the best counts, be it the
    one connection of `alone`. Raises GeneratorFailed, also where no deck was ranked.
    """
    windows = {1: alone}
    for connections in _CONNECTIONS:
        windows[connections] = await client.closed(connections, seconds)
        rate = windows[connections].ranked_per_s
        say(f"decks, {connections} connections: {rate:,.1f} ranked a second")
    best = max(windows.values(), key=lambda window: window.ranked_per_s)
    if best.ranked_per_s <= 0:
        raise GeneratorFailed("not one deck was ranked: all came from the fallback")
    trials = [_trial(connections, window) for connections, window in windows.items()]
    return Saturation(trials, best)


def _trial(connections: int, window: Window) -> Trial:
    return Trial(
        connections=connections,
        decks_per_s=round(window.ranked_per_s, 1),
        failed=window.failed,
        fallbacks=window.sent.fallbacks,
    )


async def shares(client: DeckClient, saturated: float, seconds: float, say: Say) -> list[Step]:
    """The steps of an open loop at shares of `saturated` decks a second, `seconds` each.

    Raises GeneratorFailed.
    """
    steps = []
    for share in _SHARES:
        rate = share * saturated
        say(f"decks at {share:.0%} of saturation, {rate:,.1f} a second")
        window = await client.open(rate, seconds)
        steps.append(step_of(window, None, rate, share))
    return steps


def step_of(window: Window, clients: int | None, rate: float, share: float) -> Step:
    """What a window says of a step."""
    took = window.took_ms
    p50, p95, p99 = percentiles(took)
    return Step(
        clients=clients,
        share=round(share, 3),
        rate=round(rate, 1),
        decks=len(took),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        failed=window.failed,
        fallbacks=window.sent.fallbacks,
        histogram=histogram(took),
    )


def title(step: Step) -> str:
    """A step's name for people."""
    return "one client" if step["clients"] else f"{step['share']:.0%} of saturation"


def percentiles(took_ms: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """The 50th, 95th and 99th of latencies (n,)."""
    p50, p95, p99 = np.percentile(took_ms, (50, 95, 99)).round(2).tolist()
    return p50, p95, p99


def histogram(took_ms: npt.NDArray[np.float64]) -> list[tuple[float, int]]:
    """Latencies (n,) in buckets of 5%: upper bound in ms and how many, of those with some."""
    exponents = np.ceil(np.log(np.maximum(took_ms, 1e-3)) / np.log(BUCKET))
    found, counts = np.unique(exponents.astype(np.int64), return_counts=True)
    uppers = (BUCKET ** found.astype(np.float64)).round(4)
    return list(zip(uppers.tolist(), counts.tolist(), strict=True))
