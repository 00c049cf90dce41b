"""Decks of the textbook's path, one after the other; and what brute force says of them."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypedDict

import numpy as np

from cli.bench.deck.kept import Kept
from cli.check.world import World

_WARM_UP: Final = 3


@dataclass(frozen=True, slots=True)
class Dealt:
    """One deck: its people, best first, how long it took, and by stage."""

    viewer: int
    cards: list[int]
    ms: float
    stages_ms: dict[str, float]


class TextbookFailed(Exception):
    """It answered something else than a deck."""


class Stages(TypedDict):
    """Medians in ms: FAISS, filter and swipes; Feast's SDK; BentoML with the features as JSON."""

    search: float
    features: float
    rank: float


def deal(api: Kept, viewers: Sequence[int], size: int, seconds: float) -> list[Dealt]:
    """Decks of these viewers, as far as one gets in so many seconds, at least one. A few before
    them do not count. Raises TextbookFailed, OSError."""
    for viewer in viewers[:_WARM_UP]:
        _deal(api, viewer, size)
    found: list[Dealt] = []
    until = time.perf_counter() + seconds
    for viewer in viewers:
        found.append(_deal(api, viewer, size))
        if time.perf_counter() > until:
            break
    return found


def _deal(api: Kept, viewer: int, size: int) -> Dealt:
    started = time.perf_counter()
    answer = api.get(f"/deck?viewer={viewer}&size={size}")
    ms = 1000 * (time.perf_counter() - started)
    if answer.status != 200:
        raise TextbookFailed(f"the textbook's path answered {answer.status}")
    deck = json.loads(answer.body)
    return Dealt(viewer, [card["id"] for card in deck["cards"]], ms, deck["took_ms"])


def stages(dealt: Sequence[Dealt]) -> Stages:
    """Of decks, at least one."""
    return Stages(
        search=_median(dealt, "search"),
        features=_median(dealt, "features"),
        rank=_median(dealt, "rank"),
    )


def _median(dealt: Sequence[Dealt], stage: str) -> float:
    return round(float(np.median([each.stages_ms[stage] for each in dealt])), 2)


@dataclass(frozen=True, slots=True)
class TextbookCheck:
    """What a check of such decks found. `short`: decks with fewer cards than there are people."""

    checked: int
    violations: int
    short: int


def check_dealt(world: World, dealt: Sequence[Dealt], size: int) -> TextbookCheck:
    """Count cards that brute force does not allow, and people who stand in a deck twice."""
    violations = short = 0
    for deck in dealt:
        allowed = world.people.person[world.unseen_eligible(world.people.row(deck.viewer))]
        right = np.unique(np.array(deck.cards, np.int64))
        violations += len(deck.cards) - int(np.isin(right, allowed).sum())
        short += len(deck.cards) < min(size, len(allowed))
    return TextbookCheck(len(dealt), violations, short)
