"""What who knows a market's form makes of swipes: the more there are, the nearer to the truth."""

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from simulator.belief import Beliefs
from simulator.contenders import CEILING, CONTENDERS, LEARNER
from simulator.days import Swiped
from simulator.outcome import Outcome
from simulator.tastes import Market, sigmoid
from simulator.town import Town
from training.datasets import Swipes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@cache
def town() -> Town:
    return Town.draw(600, 5, 4)


def beliefs(bots: Bools | None = None) -> Beliefs:
    """Before anybody has swiped."""
    it = town()
    nobody = np.zeros(len(it), bool)
    gender = it.datasets.people.table["gender"].astype(np.int64)
    before: Swipes = it.datasets.seen.take(slice(0, 0))
    return Beliefs(it.market, gender, nobody if bots is None else bots, before)


def swiped(viewer: Ints, candidate: Ints) -> Swiped:
    """By the truth."""
    random = np.random.default_rng(1)
    p = sigmoid(town().market.logits(viewer, candidate))
    liked = random.random(len(viewer)) < p
    return Swiped(viewer, candidate, liked, np.full(len(viewer), np.nan))


def pairs(each: int, seed: int) -> tuple[Ints, Ints]:
    """Of everybody with so many others."""
    n = len(town())
    viewer = np.repeat(np.arange(n), each)
    return viewer, (viewer + np.random.default_rng(seed).integers(1, n, len(viewer))) % n


def likeness(market: Market) -> float:
    """How logits of this market go with the true ones that could be learned."""
    viewer, candidate = pairs(20, 9)
    truth = town().market.learnable(viewer, candidate)
    return float(np.corrcoef(market.learnable(viewer, candidate), truth)[0, 1])


def test_beliefs_come_to_the_truth_as_swipes_come() -> None:
    belief = beliefs()
    known = [likeness(belief.market())]
    for seed, each in enumerate((10, 40, 400)):
        belief.learn(swiped(*pairs(each, seed)))
        known.append(likeness(belief.market()))
    # Without a swipe: what traits tell of everybody.
    assert 0.6 < known[0] < 0.8
    assert np.all(np.diff(known) > 0.02)
    assert known[-1] > 0.95


def test_of_whom_nothing_is_told_the_mean_is_believed() -> None:
    viewer, candidate = pairs(30, 0)
    silent = np.arange(0, len(town()), 2)
    told = ~np.isin(viewer, silent) & ~np.isin(candidate, silent)
    belief = beliefs()
    before = belief.market()
    belief.learn(swiped(viewer[told], candidate[told]))
    after = belief.market()
    np.testing.assert_allclose(after.readiness[silent], before.readiness[silent], atol=1e-9)
    np.testing.assert_allclose(after.appeal[silent], before.appeal[silent], atol=1e-9)
    np.testing.assert_allclose(after.taste[silent], before.taste[silent], atol=1e-9)
    spoke = np.setdiff1d(np.arange(len(town())), silent)
    assert np.abs(after.appeal[spoke] - before.appeal[spoke]).mean() > 0.3


def test_no_small_change_of_anybody_is_more_likely() -> None:
    """One viewer and one candidate by hand: the slope of the posterior is nothing there."""
    belief = beliefs()
    seen = swiped(*pairs(30, 0))
    belief.learn(seen)
    form, found = belief._form, belief.market()
    x = form.sharpness * found.learnable(seen.viewer, seen.candidate)
    missed = form.sharpness * (seen.liked - sigmoid(x))
    for person in (3, 17, 256):
        pull = missed[seen.viewer == person].sum() * form.spread[0]
        own = (found.readiness[person] - form.readiness[person]) / form.spread[0]
        assert pull == pytest.approx(own, abs=0.05)
        pull = missed[seen.candidate == person].sum() * form.spread[1]
        own = (found.appeal[person] - form.appeal[person]) / form.spread[1]
        assert pull == pytest.approx(own, abs=0.05)


def test_swipes_of_bots_tell_nothing() -> None:
    bots = np.zeros(len(town()), bool)
    bots[:50] = True
    viewer, candidate = pairs(20, 0)
    one, other = beliefs(bots), beliefs(bots)
    both = swiped(viewer, candidate)
    one.learn(both)
    people = ~bots[viewer]
    other.learn(Swiped(*(getattr(both, name)[people] for name in Swiped.__dataclass_fields__)))
    np.testing.assert_array_equal(one.market().appeal, other.market().appeal)


def test_the_learner_makes_more_matches_than_chance_and_fewer_than_who_knows() -> None:
    it = town()
    matches = {
        name: Outcome.of(it, CONTENDERS[name](it), 5).matches_a_day().mean()
        for name in ("random", LEARNER, CEILING)
    }
    assert 1.1 * matches["random"] < matches[LEARNER] < matches[CEILING]
