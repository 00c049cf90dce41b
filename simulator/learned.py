"""Policies that learn as the platform does: everything anew every week, tastes, rates and
prices daily.

They are made of what a release is made of, and see profiles and swipes only.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from features.behaviour import logit
from features.fold_in import LIKE, PASS, FoldIn
from features.likers import selective
from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.plackett_luce import draw, log_propensities
from features.prices import Prices
from features.ranker import heads_of
from features.score import candidate_vectors, like_logits, query_vectors
from simulator.attendance import Attendance
from simulator.days import Day, Past
from simulator.policies import Order, best
from simulator.pools import Pools
from simulator.pricing import SHARP
from simulator.waiting import Waiting
from training.datasets import DAY_MS, WINDOW_DAYS, Datasets, Swipes, split_days
from training.exposure import choose_tau
from training.fitting import TrainingSettings, fit_from_arrays
from training.market.people import price_people
from training.market.served import TAU
from training.market.settled import Settled
from training.ranker.examples import sides_at
from training.ranker.release import with_ranker
from training.rates import count

REFIT_DAYS: Final = 7
_TAU_VIEWERS: Final = 100

Floats = npt.NDArray[np.float64]
Floats32 = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Ints32 = npt.NDArray[np.int32]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a learned policy is made of. Without anything it is the product of two calibrated sides;
    `one_sided` orders by whom the viewer will like alone. `prices`: how strongly they count;
    `answers`: who likes the viewer already is sure to like back, who has passed on them comes
    last; `photos`: its datasets have some."""

    one_sided: bool = False
    ranker: bool = False
    prices: float = 0.0
    exploration: bool = False
    answers: bool = False
    photos: bool = False


class Learned:
    """Implements simulator.policies.Policy by models of the swipes so far."""

    def __init__(
        self, datasets: Datasets, pools: Pools, past: Past, recipe: Recipe, seed: int
    ) -> None:
        """`datasets`: profiles and what was swiped before the first day; `pools`: who may be shown
        to whom of them; `past`: what was swiped of these pairs."""
        self._base, self._pools, self._recipe, self._seed = datasets, pools, recipe, seed
        self._random = np.random.default_rng([seed, 33])
        self._log = datasets.seen
        self._prices = Prices.free(len(datasets.people))
        self._present = np.ones(len(datasets.people), bool)
        self._attendance = Attendance(len(datasets.people))
        self._waiting = Waiting(len(datasets.people), past)
        self._tau: float | None = None
        self._open = np.ones(len(pools.candidate), bool)
        for _, swiped in past:
            self._open[pools.at(swiped.viewer, swiped.candidate)] = False

    def open_day(self, day: int, present: Bools) -> None:
        """Learn everything anew in the morning of every REFIT_DAYS-th day, else what is fresh."""
        self._present = present
        self._attendance.begin(present)
        fits = day % REFIT_DAYS == 0
        if fits:
            self._fit(day)
        self._refresh()
        self._index()
        if self._recipe.prices:
            self._prices = self._priced()
            self._index()
        if fits and self._recipe.exploration:
            self._tau = self._temperature()

    def learn(self, day: Day) -> None:
        """Take the day's swipes in."""
        self._attendance.learn(day)
        swiped = day.swiped
        self._waiting.learn(swiped)
        self._open[self._pools.at(swiped.viewer, swiped.candidate)] = False
        at_ms = (self._base.today + day.number) * DAY_MS + np.arange(len(swiped.viewer))
        fresh = Swipes(
            viewer=swiped.viewer,
            candidate=swiped.candidate,
            action=np.where(swiped.liked, LIKE, PASS).astype(np.uint8),
            at_ms=at_ms,
            propensity=swiped.propensity.astype(np.float32),
        )
        names = Swipes.__dataclass_fields__
        both = {n: np.concatenate((getattr(self._log, n), getattr(fresh, n))) for n in names}
        self._log = Swipes(**both)

    def order(self, viewer: int, candidates: Ints32, size: int) -> Order:
        """As a release serves: retrieve by one inner product, rank, take prices off, draw."""
        if not len(candidates):
            return best(np.zeros(0), size)
        if self._recipe.one_sided:
            one, others = self._sides.take([viewer]), self._sides.take(candidates)
            return best(like_logits(one, others), size)
        waits, passed = self._answers(viewer, candidates)
        found = self._retrieved(viewer, candidates, waits, passed)
        scores = self._scores(viewer, candidates[found], waits[found], passed[found])
        if self._tau is None:
            order = best(scores, size)
            return Order(found[order.places], order.propensity)
        drawn = draw(scores, self._tau, self._random.gumbel(size=len(scores)))
        chance = np.exp(log_propensities(scores[drawn], self._tau))
        return Order(found[drawn[:size]], chance[:size])

    def _answers(self, viewer: int, candidates: Ints32) -> tuple[Bools, Bools]:
        """Whose like waits for the viewer, and says something, and who has passed on them, of
        candidates (m,)."""
        if not self._recipe.answers:
            nobody = np.zeros(len(candidates), bool)
            return nobody, nobody
        waits = self._waiting.among(viewer, candidates) & self._selective[candidates]
        return waits, self._waiting.passed(viewer, candidates)

    def _retrieved(self, viewer: int, candidates: Ints32, waits: Bools, passed: Bools) -> Ints:
        """Places of who is ranked: both looks of serving, and who waits for an answer."""
        others = np.flatnonzero(~passed)
        places = others if len(others) > RETRIEVED else np.arange(len(candidates))
        if len(places) > SEARCHED:
            linear = self._vectors[candidates[places]] @ self._queries[viewer]
            among = waits[places]
            among[np.argpartition(-linear, SEARCHED - 1)[:SEARCHED]] = True
            among |= (len(others) <= RETRIEVED) & ~passed[places]
            places = places[among]
        if len(places) <= RETRIEVED:
            return places
        found = candidates[places]
        one, them = self._sides.take([viewer]), self._sides.take(found)
        prices = self._prices.take(found)
        return places[narrowed(one, them, prices, waits[places], passed[places])]

    def _scores(self, viewer: int, candidates: Ints32, waits: Bools, passed: Bools) -> Floats:
        """Log expected matches (m,), less the prices."""
        one, others = self._sides.take([viewer]), self._sides.take(candidates)
        heads = heads_of(self._fitted.ranker, one, others)
        return heads.priced(self._prices.take(candidates), waits, passed).astype(np.float64)

    def _fit(self, day: int) -> None:
        datasets = self._datasets(day)
        fitted = fit_from_arrays(datasets, TrainingSettings(), self._seed)
        with_lines = with_ranker(datasets, fitted, self._seed)
        self._fitted = (
            with_lines if self._recipe.ranker else replace(with_lines, ranker=fitted.ranker)
        )
        self._learned_from = len(self._log)
        # What changes by the day is not the model's.
        sides = self._fitted.final.sides()
        self._sides = replace(sides, taste=sides.taste.copy())

    def _datasets(self, day: int) -> Datasets:
        """All that is known on the morning of a day."""
        base = self._base
        recent = self._log.take(self._log.day >= base.today + day - WINDOW_DAYS)
        return replace(
            base,
            seen=self._log,
            swipes=recent,
            split=split_days(recent.day),
            window_end=base.window_end + timedelta(days=day),
            snapshot_at=base.snapshot_at + timedelta(days=day),
            today=base.today + day,
        )

    def _refresh(self) -> None:
        """Tastes of who has swiped since the last morning, and everybody's rates."""
        model, n = self._fitted.final, len(self._base.people)
        since = self._log.take(slice(self._learned_from, None))
        if not len(since):
            return
        self._learned_from = len(self._log)
        sides = sides_at(model, np.arange(n), count(self._log, n))
        moved = np.unique(since.viewer)
        fold_in = FoldIn(
            model.factors.appeal,
            logit(model.rates.received),
            model.rates.given_prior,
            model.fold_in,
        )
        tastes = fold_in.tastes(self._log.histories(n).of(moved), model.factors.prior[moved])
        self._sides.taste[moved] = tastes
        self._sides = replace(sides, taste=self._sides.taste)

    def _index(self) -> None:
        self._selective = selective(self._sides)
        self._queries = query_vectors(self._sides)
        self._vectors = candidate_vectors(self._sides, self._prices.uppermost())

    def _priced(self) -> Prices:
        """As a release has them, of whoever is there."""
        people, settled = self._base.people, Settled.of(self._log, self._sides)
        senders = self._present & self._selective
        if not self._recipe.answers:
            settled = replace(settled, told=np.zeros_like(settled.told))
            senders = np.zeros_like(senders)
        week = self._attendance.week(self._present, self._waiting.count(senders))
        table = people.table.copy()
        table["visible"] &= self._present
        return price_people(
            replace(people, table=table),
            settled,
            self._sides,
            self._fitted.ranker,
            # Who is hidden does not play.
            replace(week, cards=np.where(table["visible"], week.cards, np.float32(0.0))),
            strength=self._recipe.prices,
            today=self._base.today,
            tau=TAU if self._recipe.exploration else SHARP,
            rng=self._random,
        )

    def _left(self, viewer: int) -> Ints32:
        of_viewer = self._pools.of_viewer(viewer)
        candidates = self._pools.candidate[of_viewer]
        return candidates[self._open[of_viewer] & self._present[candidates]]

    def _temperature(self) -> float:
        """As a release has it: how far draws may stray."""
        viewers = self._random.permutation(np.flatnonzero(self._present))[:_TAU_VIEWERS]
        scores = []
        for viewer in viewers.tolist():
            candidates = self._left(viewer)
            # Who has answered before does not say how far scores stray.
            nobody = np.zeros(len(candidates), bool)
            found = self._retrieved(viewer, candidates, nobody, nobody)
            of_found = self._scores(viewer, candidates[found], nobody[found], nobody[found])
            scores.append(of_found.astype(np.float32))
        return choose_tau(scores, self._random)
