"""Small towns made by hand, whose truth and habits are known."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import numpy.typing as npt

from simulator.choices import Choices
from simulator.crowd import Crowd
from simulator.days import Day, Past, Swiped
from simulator.outcome import Outcome
from simulator.policies import Bools, Ints32, Order
from simulator.pools import Pools
from simulator.tastes import Market
from simulator.town import Town
from training.snapshot import People

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
ALWAYS = 1_000


@cache
def drawn() -> Town:
    """What towns made by hand take the rest from."""
    return Town.draw(400, 2, 0)


@dataclass(frozen=True, slots=True)
class Told(Market):
    """A market whose logits (n, n) somebody has told, by viewer and candidate."""

    told: Floats

    def logits(self, viewers: Ints, candidates: Ints) -> Floats:
        """As told."""
        return np.asarray(self.told[viewers, candidates], np.float64)


class First:
    """Candidates as they come."""

    def open_day(self, day: int, present: Bools) -> None:
        """Nothing changes."""

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """By their rows."""
        places = np.arange(min(size, len(candidates)))
        return Order(places, np.full(len(places), np.nan))

    def learn(self, day: Day) -> None:
        """Nothing."""


def swiped_of(*swipes: tuple[int, int, bool]) -> Swiped:
    """Swipes by viewer, candidate and whether it was a like."""
    viewer, candidate, liked = np.array(swipes, np.int64).reshape(-1, 3).T
    return Swiped(viewer, candidate, liked.astype(bool), np.full(len(swipes), np.nan))


def crowd_of(n: int, **known: npt.ArrayLike) -> Crowd:
    """Of n people who look at one card every day, from the first to the last, but for what is
    known of some (n,)."""
    usual: dict[str, npt.ArrayLike] = {
        "visits": np.ones(n),
        "cards": np.ones(n),
        "arrives": np.zeros(n, np.int64),
        "leaves": np.full(n, ALWAYS),
        "bot": np.zeros(n, bool),
    }
    return Crowd(**{name: np.asarray(each) for name, each in (usual | known).items()}, seed=0)


def town_of(
    crowd: Crowd,
    groups: npt.ArrayLike = (),
    hidden: tuple[int, ...] = (),
    told: Floats | None = None,
    eligible: tuple[tuple[int, int], ...] = (),
    past: Past = (),
) -> Town:
    """A town of such a crowd: `groups` (n,) of the division "group"; who is hidden; logits (n, n);
    the pairs of whom each may be shown the other, and which of them were swiped before."""
    n, it = len(crowd), drawn()
    market = it.market.take(np.arange(n))
    own = {name: getattr(market, name) for name in Market.__dataclass_fields__}
    table = it.datasets.people.table[:n].copy()
    table["visible"] = ~np.isin(np.arange(n), hidden)
    return Town(
        datasets=replace(it.datasets, people=_people(it.datasets.people, table)),
        choices=Choices(Told(**own, told=np.zeros((n, n)) if told is None else told), crowd),
        pools=_pools(n, eligible),
        past=past,
        groups={"group": np.asarray(groups, np.int64)},
        seed=0,
    )


def outcome_of(
    town: Town,
    days: int,
    matches: tuple[tuple[int, int, int], ...] = (),
    visits: tuple[int, ...] = (),
    exposures: npt.ArrayLike | None = None,
    likes: npt.ArrayLike | None = None,
) -> Outcome:
    """So many days of a town, with these matches (day and two rows); 0 of what is not told."""
    n = len(town)
    return Outcome(
        town=town,
        days=days,
        matches=np.array(matches, np.int64).reshape(-1, 3),
        visits=np.array(visits or (0,) * days, np.int64),
        exposures=np.zeros((days, n), np.int64) if exposures is None else np.asarray(exposures),
        likes=np.zeros(n) if likes is None else np.asarray(likes, np.float64),
        ran_out=0.0,
        regret=0.0,
    )


def _people(people: People, table: npt.NDArray[np.void]) -> People:
    n = len(table)
    rows = {name: getattr(people, name)[:n] for name in ("cell", "band", "attributes", "exposure")}
    return replace(people, table=table, **rows)


def _pools(n: int, pairs: tuple[tuple[int, int], ...]) -> Pools:
    both = sorted({*pairs, *((other, one) for one, other in pairs)})
    viewer, candidate = np.array(both, np.int64).reshape(-1, 2).T
    start = np.searchsorted(viewer, np.arange(n + 1))
    return Pools(start, candidate.astype(np.int32), viewer * n + candidate)
