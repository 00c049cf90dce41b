"""Policies played in markets of several seeds, as many games at once as there are cores.

What a policy did is kept in a folder as soon as it is known: who is interrupted goes on there.
"""

import io
import multiprocessing
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Say
from gravity.atomic_file import write_atomic
from gravity.child_process import end_with_parent

if TYPE_CHECKING:
    from simulator.outcome import Outcome
    from simulator.town import Town

_DIVISIONS: Final = ("orientation", "age", "body")
_FIRST_DAYS: Final = 10
_ARRAYS: Final = ("matches", "visits", "exposures", "likes")
_NUMBERS: Final = ("ran_out", "regret")

Curve = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Size:
    """So many seeds, from 0, of so many people, and which policies they meet."""

    seeds: int
    people: int
    days: int
    policies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Played:
    """What a policy came to: measures by name, matches and Gini after two weeks, and curves by the
    measure that they are behind."""

    measures: Mapping[str, float]
    matches_later: float
    gini_later: float
    curves: Mapping[str, Curve]


def play(size: Size, folder: Path, say: Say) -> list[dict[str, Played]]:
    """For each seed, by policy. What is in `folder` already is not played again."""
    folder.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[str | None] = context.SimpleQueue()
    listening = threading.Thread(target=_listen, args=(told, say), daemon=True)
    listening.start()
    games = [(seed, name) for seed in range(size.seeds) for name in size.policies]
    left = [(seed, name) for seed, name in games if not _kept(folder, seed, name).exists()]
    processes = min(max(len(left), size.seeds), os.cpu_count() or 1)
    pool = ProcessPoolExecutor(processes, context, initializer=_start, initargs=(told,))
    try:
        # One seed after the other, so that a process has a market for as long as it can.
        for game in as_completed([pool.submit(_play, size, folder, *each) for each in left]):
            game.result()
        markets = [pool.submit(_of_seed, size, folder, seed) for seed in range(size.seeds)]
        played = [market.result() for market in markets]
    finally:
        # The first that fails is told at once; the others end with this process.
        pool.shutdown(wait=False, cancel_futures=True)
    told.put(None)
    listening.join()
    return played


def _listen(told: "SimpleQueue[str | None]", say: Say) -> None:
    while (what := told.get()) is not None:
        say(what)


_TOLD: "SimpleQueue[str | None] | None" = None


def _start(told: "SimpleQueue[str | None]") -> None:
    global _TOLD
    import torch

    # There is a process for every core already.
    torch.set_num_threads(1)
    _TOLD = told
    end_with_parent()


def _say(what: str) -> None:
    if _TOLD is not None:
        _TOLD.put(what)


@lru_cache(maxsize=1)
def _town(size: Size, seed: int) -> "Town":
    from simulator.town import Town

    _say(f"seed {seed}: drawing {size.people:,} people")
    return Town.draw(size.people, size.days, seed)


def _kept(folder: Path, seed: int, name: str) -> Path:
    return folder / f"{seed} {name}.npz"


def _play(size: Size, folder: Path, seed: int, name: str) -> None:
    """Play a game, and keep what the policy came to, and how many seconds it was played."""
    from simulator.contenders import CONTENDERS
    from simulator.outcome import Outcome

    town = _town(size, seed)
    _say(f"seed {seed}: {name}, getting ready")
    began = time.monotonic()
    tell = partial(_tell, seed, name, size.days)
    outcome = Outcome.of(town, CONTENDERS[name](town), size.days, tell)
    seconds = time.monotonic() - began
    file, own = io.BytesIO(), (*_ARRAYS, *_NUMBERS)
    of_game = {each: getattr(outcome, each) for each in own}
    np.savez_compressed(file, **of_game, seconds=seconds)
    write_atomic(_kept(folder, seed, name), file.getvalue())


def _of_seed(size: Size, folder: Path, seed: int) -> dict[str, Played]:
    games = {name: _game(size, folder, seed, name) for name in size.policies}
    ceiling, _ = games["ceiling"]
    return {name: _played(outcome, ceiling, s) for name, (outcome, s) in games.items()}


def _game(size: Size, folder: Path, seed: int, name: str) -> "tuple[Outcome, float]":
    from simulator.outcome import Outcome

    with np.load(_kept(folder, seed, name)) as kept:
        arrays = (kept[each] for each in _ARRAYS)
        numbers = (float(kept[each]) for each in _NUMBERS)
        return Outcome(_town(size, seed), size.days, *arrays, *numbers), float(kept["seconds"])


def _tell(seed: int, name: str, days: int, day: int) -> None:
    _say(f"seed {seed}: {name}, day {day + 1} of {days}")


def _played(outcome: "Outcome", ceiling: "Outcome", seconds: float) -> Played:
    first = 1.0 + np.arange(min(_FIRST_DAYS, outcome.days - 1))
    matches, shares = outcome.matches_a_day(), np.linspace(0.0, 1.0, 41)
    disparity = {f"disparity_{each}": outcome.disparity(each, ceiling) for each in _DIVISIONS}
    by_chance = {
        f"disparity_{each}_by_chance": outcome.disparity_by_chance(each, ceiling)
        for each in _DIVISIONS
    }
    return Played(
        measures={**outcome.measures(), **disparity, **by_chance, "seconds_played": seconds},
        matches_later=outcome.matches_later(),
        gini_later=outcome.gini_later(),
        curves={
            "matches_per_active_day": _curve(1.0 + np.arange(len(matches)), matches),
            "newcomers_matched_first_day": _curve(first, outcome.newcomers(len(first))),
            "gini": _curve(shares, outcome.lorenz(shares)),
        },
    )


def _curve(x: npt.NDArray[np.floating], y: npt.NDArray[np.floating]) -> Curve:
    return list(zip(x.tolist(), y.tolist(), strict=True))
