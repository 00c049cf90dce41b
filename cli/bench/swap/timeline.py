"""The decks of `gravity bench swap` and the ranker's memory, second by second."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Final, TypedDict, TypeVar

import numpy as np

from cli.bench.swap.generator import Dealt

_MB: Final = 1e6
_T = TypeVar("_T")


class Second(TypedDict):
    """The decks due in a second, `at_s` seconds after the measuring began, and the most memory that
    the ranker held in it.

    `unranked`: dealt without the ranker, or no decks. None: no deck was due, nothing was weighed.
    """

    at_s: int
    decks: int
    p50_ms: float | None
    max_ms: float | None
    unranked: int
    ranker_rss_mb: float | None


def timeline(
    dealt: Iterable[Dealt], rss: Iterable[tuple[float, int]], begun: float
) -> list[Second]:
    """Every second from `begun`, in seconds since 1970, until the last deck. `rss`: when the ranker
    held how many bytes."""
    decks = _by_second(((deck.due_at, deck) for deck in dealt), begun)
    held = _by_second(rss, begun)
    return [
        _second(at, decks.get(at, []), held.get(at, [])) for at in range(max(decks, default=-1) + 1)
    ]


def _by_second(timed: Iterable[tuple[float, _T]], begun: float) -> dict[int, list[_T]]:
    found: dict[int, list[_T]] = defaultdict(list)
    for at, each in timed:
        found[math.floor(at - begun)].append(each)
    return found


def _second(at: int, decks: list[Dealt], held: list[int]) -> Second:
    took = [deck.latency_ms for deck in decks]
    return Second(
        at_s=at,
        decks=len(decks),
        p50_ms=round(float(np.median(took)), 2) if took else None,
        max_ms=round(max(took), 2) if took else None,
        unranked=sum(deck.release is None for deck in decks),
        ranker_rss_mb=round(max(held) / _MB, 1) if held else None,
    )
