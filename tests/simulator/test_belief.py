"""What who knows a market's form makes of swipes: the more there are, the nearer to the truth."""

from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import approx_fprime

from simulator.belief import Beliefs, Believed
from simulator.choices import tiredness
from simulator.contenders import CEILING, CONTENDERS, LEARNER
from simulator.crowd import Visits
from simulator.days import Cards, Day, Swiped
from simulator.outcome import Outcome
from simulator.tastes import Market, sigmoid
from simulator.town import Town
from simulator.truthful import Truthful

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@cache
def town() -> Town:
    return Town.draw(600, 8, 4)


def beliefs(market: Market | None = None, bots: Bools | None = None) -> Beliefs:
    """Before anybody has swiped."""
    it = town()
    nobody = np.zeros(len(it), bool) if bots is None else bots
    gender = it.datasets.people.table["gender"].astype(np.int64)
    return Beliefs(market or it.market, gender, nobody, it.datasets.seen.take(slice(0, 0)))


def day_of(viewer: Ints, candidate: Ints, place: Ints | None = None) -> Day:
    """A day of swipes by the truth, on the first card of a visit or on these."""
    number = np.zeros(len(viewer), np.int64) if place is None else place
    x = town().market.logits(viewer, candidate) - tiredness(number)
    liked = np.random.default_rng(1).random(len(viewer)) < sigmoid(x)
    nan, nobody = np.full(len(viewer), np.nan), np.zeros(0, np.int64)
    cards = Cards(viewer, candidate, number, nan)
    swiped = Swiped(viewer, candidate, liked, nan)
    seen, matches = np.ones(len(viewer), bool), np.zeros((0, 2), np.int64)
    return Day(0, Visits(nobody, nobody), cards, seen, swiped, matches)


def pairs(each: int, seed: int) -> tuple[Ints, Ints]:
    """Of everybody with so many others."""
    n = len(town())
    viewer = np.repeat(np.arange(n), each)
    return viewer, (viewer + np.random.default_rng(seed).integers(1, n, len(viewer))) % n


def numbers(market: Market) -> Floats:
    """Of everybody: readiness, appeal and tastes."""
    return np.column_stack((market.readiness, market.appeal, market.taste))


def test_beliefs_come_to_the_truth_as_swipes_come() -> None:
    belief = beliefs()
    viewer, candidate = pairs(20, 9)
    truth = town().market.learnable(viewer, candidate)
    known = []
    for seed, each in enumerate((0, 10, 40, 400)):
        belief.learn(day_of(*pairs(each, seed)))
        known.append(np.corrcoef(belief.market().learnable(viewer, candidate), truth)[0, 1])
    # Without a swipe: what traits and photos tell of everybody.
    assert 0.6 < known[0] < 0.8
    assert np.all(np.diff(known) > 0.02)
    assert known[-1] > 0.95


@pytest.mark.parametrize("swipes", [0, 60])
def test_probabilities_are_as_many_likes_as_come(swipes: int) -> None:
    belief = beliefs()
    belief.learn(day_of(*pairs(swipes, 0)))
    viewer, candidate = pairs(200, 7)
    x = belief.market().learnable(viewer, candidate)
    chemistry = town().market.chemistry(viewer, candidate)
    # Over all chemistries that a pair may have, as the ceiling takes them.
    said = sigmoid(x[:, None] + chemistry.std() * np.linspace(-2.0, 2.0, 41))
    weight = np.exp(-0.5 * np.linspace(-2.0, 2.0, 41) ** 2)
    p = said @ (weight / weight.sum())
    real = sigmoid(town().market.logits(viewer, candidate))
    for part in np.array_split(np.argsort(p), 10):
        assert p[part].mean() == pytest.approx(real[part].mean(), abs=0.05)


def test_who_is_sure_has_no_other_logits_than_a_market_has() -> None:
    belief = beliefs()
    belief.learn(day_of(*pairs(20, 0)))
    found = belief.market()
    viewer, candidate = pairs(3, 7)
    x = found.readiness[viewer] + found.appeal[candidate]
    x += np.sum(found.taste[viewer] * found.trait[candidate], axis=1)
    # What the way is to each is not known, but what it is in the mean.
    np.testing.assert_allclose(found.nearness, town().market.nearness.mean())
    x -= found.nearness[viewer] * found.way(viewer, candidate)
    sure = replace(found, unsure=np.zeros_like(found.unsure), unknown=0.0)
    np.testing.assert_allclose(sure.learnable(viewer, candidate), x)
    assert np.all(np.abs(found.learnable(viewer, candidate)) < np.abs(x))


def test_the_most_likely_is_where_nothing_pulls() -> None:
    belief = beliefs()
    belief.learn(day_of(*pairs(10, 0)))
    found = belief.market()
    form, told = belief._form, belief._told()
    own = np.random.default_rng(2).normal(size=belief._own.shape)

    def loss(row: Floats, person: int) -> float:
        moved = own.copy()
        moved[person] = row
        return form.unlikely(told, moved)[0]

    slope = form.unlikely(told, own)[1]
    for person in (3, 599):
        by_steps = approx_fprime(own[person], loss, 1e-5, person)
        np.testing.assert_allclose(slope[person], by_steps, rtol=1e-3, atol=2e-3)
    assert np.abs(form.unlikely(told, belief._own)[1]).max() < 0.05 * np.abs(slope).max()
    # A swipe makes everybody of whom it tells surer.
    assert np.all(found.unsure[:, :2] < np.square(form.spread))


def test_of_whom_nothing_is_told_nothing_is_believed_but_what_all_can_see() -> None:
    """However extreme somebody is: their own numbers are nowhere in what is believed of them."""
    silent = 11
    market = town().market
    taste, appeal, readiness = market.taste.copy(), market.appeal.copy(), market.readiness.copy()
    taste[silent], appeal[silent], readiness[silent] = 5.0, 9.0, 9.0
    viewer, candidate = pairs(30, 0)
    told = (viewer != silent) & (candidate != silent)
    day = day_of(viewer[told], candidate[told])
    one = beliefs()
    other = beliefs(replace(market, taste=taste, appeal=appeal, readiness=readiness))
    before = numbers(one.market())[silent]
    for each in (one, other):
        each.learn(day)
    np.testing.assert_allclose(numbers(one.market())[silent], before, atol=1e-9)
    # What one of six hundred adds to the sizes of effects, which are known, is all that moves.
    np.testing.assert_allclose(numbers(other.market())[silent], before, atol=0.12)
    assert np.abs(numbers(one.market()) - numbers(beliefs().market())).mean() > 0.1


def test_tiredness_is_not_taken_for_pickiness() -> None:
    viewer, candidate = pairs(60, 0)
    last = np.full(len(viewer), 60)
    rested, tired = beliefs(), beliefs()
    rested.learn(day_of(viewer, candidate))
    tired.learn(day_of(viewer, candidate, last))
    gap = rested.market().readiness.mean() - tired.market().readiness.mean()
    assert abs(gap) < 0.1
    blind = beliefs()
    late = day_of(viewer, candidate, last)
    blind.learn(replace(late, cards=replace(late.cards, place=np.zeros_like(last))))
    assert rested.market().readiness.mean() - blind.market().readiness.mean() > 0.15


def test_swipes_of_bots_tell_nothing() -> None:
    bots = np.zeros(len(town()), bool)
    bots[:50] = True
    viewer, candidate = pairs(20, 0)
    day = day_of(viewer, candidate)
    people = ~bots[viewer]
    swiped = Swiped(*(getattr(day.swiped, n)[people] for n in Swiped.__dataclass_fields__))
    of_people = replace(day, cards=day.cards.take(people), seen=day.seen[people], swiped=swiped)
    one, other = beliefs(bots=bots), beliefs(bots=bots)
    one.learn(day)
    other.learn(of_people)
    np.testing.assert_array_equal(numbers(one.market()), numbers(other.market()))


def test_the_learner_learns_from_the_month_before_and_day_by_day(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    it, heard, believe = town(), [], Beliefs.market

    def watched(belief: Beliefs) -> Believed:
        heard.append(sum(len(each.viewer) for each in belief._swipes))
        return believe(belief)

    monkeypatch.setattr(Beliefs, "market", watched)
    Outcome.of(it, CONTENDERS[LEARNER](it), 3)
    assert heard[0] == len(it.datasets.seen) > 0
    assert len(heard) == 3 and np.all(np.diff(heard) > 0)


def test_the_learner_makes_more_matches_than_who_has_learned_nothing() -> None:
    it, days = town(), 8
    gender = it.datasets.people.table["gender"].astype(np.int64)

    class Deaf(Beliefs):
        def learn(self, day: Day) -> None:
            """Nothing."""

    deaf = Deaf(it.market, gender, it.crowd.bot, it.datasets.seen.take(slice(0, 0)))
    policies = {
        "deaf": Truthful(deaf, it.pools, it.crowd.bot, it.past, it.seed),
        **{name: CONTENDERS[name](it) for name in (LEARNER, CEILING)},
    }
    matches = {
        name: Outcome.of(it, policy, days).matches_a_day().mean()
        for name, policy in policies.items()
    }
    assert matches["deaf"] < matches[LEARNER] < matches[CEILING]
