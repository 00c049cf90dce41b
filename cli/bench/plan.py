"""Who swipes whom in a load. Pure: the same load is planned wherever it is needed.

People stand in a circle. In each round everybody sends one request, in random order, to those at
certain distances ahead. Later some of these distances are taken backwards: those are answers to
earlier swipes, and two likes are a match. No ordered pair occurs twice.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import numpy as np

ANSWERS: Final = (3, 6, 9)
"""Which of ten swipes answer one of an earlier round: 3 of 7 first swipes are answered."""

LIKES: Final = 0.45
_SUPERLIKES: Final = 0.02


@dataclass(frozen=True, slots=True)
class Load:
    """`people` from `first` on, who send `size` swipes a request."""

    first: int
    people: int
    size: int


@dataclass(frozen=True, slots=True)
class Request:
    """The swipes of one request, in their order."""

    viewer: int
    candidates: tuple[int, ...]
    actions: tuple[str, ...]


def requests(load: Load) -> Iterator[Request]:
    """The requests of a load in the order of sending, until there is nobody left to swipe."""
    rng = np.random.default_rng(load.first)
    distances = _distances(load)
    while True:
        ahead = [distance for _, distance in zip(range(load.size), distances, strict=False)]
        if len(ahead) < load.size:
            return
        viewers = rng.permutation(load.people)
        candidates = load.first + (viewers[:, None] + np.array(ahead)) % load.people
        chances = rng.random(candidates.shape)
        for row, viewer in enumerate(viewers.tolist()):
            actions = tuple(map(_action, chances[row].tolist()))
            yield Request(load.first + viewer, tuple(candidates[row].tolist()), actions)


def _distances(load: Load) -> Iterator[int]:
    waiting: deque[tuple[int, int]] = deque()
    fresh = iter(range(1, (load.people + 1) // 2))
    for n in count():
        # An answer comes in a later round than what it answers.
        if n % 10 in ANSWERS and waiting and waiting[0][0] // load.size < n // load.size:
            yield -waiting.popleft()[1]
            continue
        distance = next(fresh, None)
        if distance is None:
            return
        waiting.append((n, distance))
        yield distance


def _action(chance: float) -> str:
    if chance < _SUPERLIKES:
        return "superlike"
    return "like" if chance < LIKES else "pass"


def matching(sent: Iterator[Request]) -> dict[tuple[int, int], int]:
    """The pairs (low, high) whose two likes are among requests, and the number of the later one."""
    liked: set[tuple[int, int]] = set()
    found: dict[tuple[int, int], int] = {}
    for number, request in enumerate(sent):
        for candidate, action in zip(request.candidates, request.actions, strict=True):
            if action == "pass":
                continue
            if (candidate, request.viewer) in liked:
                found[min(candidate, request.viewer), max(candidate, request.viewer)] = number
            liked.add((request.viewer, candidate))
    return found
