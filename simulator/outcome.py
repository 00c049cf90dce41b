"""What a policy did to people: measured over the days of a market."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from simulator.days import Day, live_days
from simulator.fast import FastApp
from simulator.policies import Policy
from simulator.tastes import sigmoid
from simulator.town import Town
from simulator.waiting import Waiting
from training.inequality import gini

_JUDGED: Final = 50
"""Visits of a day whose regret is measured."""
_WEEK: Final = 7
_LEAST_DAYS: Final = 7
_LEAST_PEOPLE: Final = 50
"""A smaller group says nothing about fairness."""
_DEALT: Final = 50
"""How often groups are dealt at random."""
LATER: Final = 14
"""After so many days the share of the references is counted."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Of n people over some days: matches (k, 3), the day and two rows, without bots; visits
    (days,) of people; exposures (days, n), cards of theirs that people looked at, and likes (n,)
    received from people; shares of visits that ran out of cards; regret, the share of a card's best
    expected match that was missed."""

    town: Town
    days: int
    matches: Ints
    visits: Ints
    exposures: Ints
    likes: Floats
    ran_out: float
    regret: float

    @classmethod
    def of(
        cls, town: Town, policy: Policy, days: int, say: Callable[[int], None] = lambda day: None
    ) -> Self:
        """Play the days; `say` is told each one that is over."""
        app = FastApp(town.pools, town.crowd, policy, town.past)
        n, tally = len(town), _Tally.new(len(town))
        before = Waiting(n, town.past)
        for day in live_days(app, town.choices, days):
            tally.add(town, day)
            tally.regrets.append(_regret(town, app, before, day))
            before.learn(day.swiped)
            policy.learn(day)
            say(day.number)
        return cls(
            town,
            days,
            np.concatenate([np.zeros((0, 3), np.int64), *tally.matches]),
            np.array(tally.visits),
            np.array(tally.exposures).reshape(-1, n),
            tally.likes,
            float(np.mean(tally.ran_out)),
            float(np.mean(tally.regrets)),
        )

    def matches_a_day(self) -> Floats:
        """Matches per active person (days,), each counted for both."""
        each = np.bincount(self.matches[:, 0], minlength=self.days)
        return np.asarray(2.0 * each / np.maximum(1, self.visits), np.float64)

    def matches_later(self) -> float:
        """Per active person and day, after LATER days (over all, if there are no more)."""
        first = self._later()
        count = int((self.matches[:, 0] >= first).sum())
        return 2.0 * count / max(1, int(self.visits[first:].sum()))

    def gini_later(self) -> float:
        """Of exposure, in the same days."""
        return gini(self._seen_a_day(self._later()))

    def _later(self) -> int:
        return LATER if self.days > LATER else 0

    def measures(self) -> dict[str, float]:
        """By name; see docs/quality.md."""
        likes = np.sort(self._a_day(self.likes))
        return {
            "matches_per_active_day": 2.0 * len(self.matches) / max(1, int(self.visits.sum())),
            "matched_in_first_week": self._matched(0, _WEEK),
            "matched_in_a_week": self._matched_in_any_week(),
            "newcomers_matched_first_day": float(self.newcomers(1)[0]),
            "gini": gini(self._seen_a_day()),
            "likes_of_bottom_fifth": float(likes[: len(likes) // 5].sum() / max(1.0, likes.sum())),
            "visits_without_cards": self.ran_out,
            "regret": self.regret,
        }

    def newcomers(self, days: int) -> Floats:
        """The share (days,) of who joined meanwhile with a match by their first, second … day."""
        crowd = self.town.crowd
        new = self._people() & (crowd.arrives > 0) & (crowd.arrives + days <= self.days)
        first = np.full(len(self.town), self.days + days)
        for side in (1, 2):
            np.minimum.at(first, self.matches[:, side], self.matches[:, 0])
        after = first[new] - crowd.arrives[new]
        return np.array([float(np.mean(after <= d)) if new.any() else 0.0 for d in range(days)])

    def lorenz(self, shares: Floats) -> Floats:
        """What the least seen shares (k,) of people have of all exposure (k,)."""
        seen = np.sort(self._seen_a_day())
        total = np.concatenate(([0.0], np.cumsum(seen) / max(1e-9, float(seen.sum()))))
        return np.interp(shares, np.linspace(0.0, 1.0, len(total)), total)

    def disparity(self, division: str, reference: "Outcome") -> float:
        """How far groups differ in what they have of their matches under `reference`: the best
        off against the worst off, as the logarithm of the ratio of their shares."""
        return self._matches_of(division, reference).apart()

    def disparity_by_chance(self, division: str, reference: "Outcome") -> float:
        """The same if groups as large were dealt among the same people at random, mean of _DEALT
        times: small groups differ even so."""
        each = self._matches_of(division, reference)
        random = np.random.default_rng([self.town.seed, 42])
        dealt = (replace(each, group=random.permutation(each.group)) for _ in range(_DEALT))
        return float(np.mean([of_groups.apart() for of_groups in dealt]))

    def _matches_of(self, division: str, reference: "Outcome") -> "_OfGroups":
        group = self.town.groups[division]
        people = self._people() & (group >= 0)
        mine, theirs = self._matches_of_each(), reference._matches_of_each()
        return _OfGroups(group[people], mine[people], theirs[people])

    def _people(self) -> Bools:
        """Who (n,) is no bot and not hidden."""
        table = self.town.datasets.people.table
        return np.asarray(~self.town.crowd.bot & table["visible"])

    def _seen_a_day(self, first: int = 0) -> Floats:
        return self._a_day(self.exposures[first:].sum(axis=0), first)

    def _a_day(self, total: Floats, first: int = 0) -> Floats:
        """Of people who were there for long enough, from a day on, in sums (n,) over these days."""
        crowd, days = self.town.crowd, self.days - first
        arrives, leaves = (np.clip(each - first, 0, days) for each in (crowd.arrives, crowd.leaves))
        there = leaves - arrives
        enough = self._people() & (there >= min(_LEAST_DAYS, days))
        return np.asarray(total[enough] / np.maximum(1, there[enough]), np.float64)

    def _matches_of_each(self) -> Floats:
        both = self.matches[:, 1:].ravel()
        return np.bincount(both, minlength=len(self.town)).astype(np.float64)

    def _matched(self, start: int, stop: int) -> float:
        """The share with a match in start <= day < stop, of who was there all the time."""
        stop = min(stop, self.days)
        crowd = self.town.crowd
        there = self._people() & (crowd.arrives <= start) & (crowd.leaves >= stop)
        within = (self.matches[:, 0] >= start) & (self.matches[:, 0] < stop)
        has = np.zeros(len(self.town), bool)
        has[self.matches[within, 1:].ravel()] = True
        return float(has[there].mean()) if there.any() else 0.0

    def _matched_in_any_week(self) -> float:
        starts = range(0, max(1, self.days - _WEEK + 1), _WEEK)
        return float(np.mean([self._matched(start, start + _WEEK) for start in starts]))


@dataclass(frozen=True, slots=True, eq=False)
class _OfGroups:
    """Of m people: the group of each, and how many matches they have and have elsewhere."""

    group: Ints
    mine: Floats
    theirs: Floats

    def apart(self) -> float:
        """Logarithm of the best off group's share of its matches elsewhere over the worst off's."""
        shares = [
            self.mine[those].sum() / max(1.0, self.theirs[those].sum())
            for each in np.unique(self.group)
            if (those := self.group == each).sum() >= _LEAST_PEOPLE
        ]
        best = max(shares, default=0.0)
        return float(np.log(best / max(1e-9, min(shares)))) if best > 0.0 else 0.0


@dataclass(slots=True, eq=False)
class _Tally:
    """Sums over days."""

    likes: Floats
    exposures: list[Ints]
    matches: list[Ints]
    visits: list[int]
    ran_out: list[float]
    regrets: list[float]

    @classmethod
    def new(cls, people: int) -> Self:
        return cls(np.zeros(people), [], [], [], [], [])

    def add(self, town: Town, day: Day) -> None:
        bot, n = town.crowd.bot, len(town)
        real = ~bot[day.matches].any(axis=1)
        dated = np.column_stack((np.full(int(real.sum()), day.number), day.matches[real]))
        self.matches.append(dated)
        self.visits.append(int((~bot[day.visits.person]).sum()))
        cards = day.cards.take(day.seen & ~bot[day.cards.viewer])
        self.exposures.append(np.bincount(cards.candidate, minlength=n))
        swiped = day.swiped
        liked = swiped.liked & ~bot[swiped.viewer]
        self.likes += np.bincount(swiped.candidate[liked], minlength=n)
        people = ~bot[day.visits.person]
        dealt = np.bincount(day.cards.viewer, minlength=n)[day.visits.person[people]]
        wanted = day.visits.cards[people]
        self.ran_out.append(float(np.mean(dealt < wanted)) if len(dealt) else 0.0)


def _regret(town: Town, app: FastApp, before: Waiting, day: Day) -> float:
    """1 - expected matches of the cards looked at / of as many of the best who were left in the
    morning, by the truth, if all were read. Who had swiped the viewer before has decided; nobody
    matches a bot."""
    shown, best = 0.0, 0.0
    market = town.market
    for viewer, cards in _judged(town, day):
        swiped = day.swiped.candidate[day.swiped.viewer == viewer]
        left = np.sort(np.concatenate((app.left(viewer, day.number), swiped)))
        one, rows = np.full(len(left), viewer), left.astype(np.int32)
        back = sigmoid(market.logits(left, one))
        back[before.among(viewer, rows)] = 1.0
        back[before.passed(viewer, rows) | town.crowd.bot[left]] = 0.0
        match = sigmoid(market.logits(one, left)) * back
        best += float(np.sort(match)[-len(cards) :].sum())
        shown += float(match[np.searchsorted(left, cards)].sum())
    return 1.0 - shown / best if best > 0.0 else 0.0


def _judged(town: Town, day: Day) -> Iterator[tuple[int, Ints]]:
    """Some viewers of the day, and the cards that each looked at."""
    random = np.random.default_rng([town.seed, 41, day.number])
    cards_of_people = day.cards.take(day.seen & ~town.crowd.bot[day.cards.viewer])
    viewers, cards = cards_of_people.viewer, cards_of_people.candidate
    for viewer in random.permutation(np.unique(viewers))[:_JUDGED].tolist():
        yield viewer, cards[viewers == viewer]
