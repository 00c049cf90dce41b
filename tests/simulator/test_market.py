"""The market in memory: who is shown, who matches, and that nothing but the seed decides."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.prices import Prices
from simulator import learned
from simulator.choices import Choices
from simulator.contenders import (
    CEILING,
    CONTENDERS,
    GRAVITY,
    ONE_SIDED,
    ORACLE,
    PRODUCT,
    PRODUCT_WITH_ANSWERS,
    WITHOUT_ANSWERS,
    WITHOUT_PHOTOS,
)
from simulator.crowd import Crowd
from simulator.days import Day, Swiped, live_days
from simulator.fast import DECK_SIZE, FastApp
from simulator.learned import Learned
from simulator.outcome import Outcome
from simulator.policies import Newest, Popularity, Random, best
from simulator.pools import Pools
from simulator.town import Town
from training.market.settled import Settled
from training.market.week import Week
from training.snapshot import People

DAYS = 5


@cache
def town(seed: int = 0) -> Town:
    return Town.draw(500, DAYS, seed)


@cache
def played(name: str, seed: int = 0) -> tuple[Day, ...]:
    it = town(seed)
    policy = CONTENDERS[name](it)
    return tuple(_days(it, FastApp(it.pools, it.crowd, policy, it.past), policy))


def _days(it: Town, app: FastApp, policy: object) -> Iterator[Day]:
    for day in live_days(app, it.choices, DAYS):
        policy.learn(day)  # type: ignore[attr-defined]
        yield day


@pytest.mark.parametrize("name", ["random", "popularity", "newest", PRODUCT, GRAVITY, CEILING])
def test_exposure_is_conserved(name: str) -> None:
    it = town()
    seen = np.zeros(len(it.pools.candidate), np.int64)
    for _, before in it.past:
        seen[it.pools.at(before.viewer, before.candidate)] += 1
    for day in played(name):
        looked = np.bincount(day.cards.viewer[day.seen], minlength=len(it))[day.visits.person]
        dealt = np.bincount(day.cards.viewer, minlength=len(it))[day.visits.person]
        # As many as somebody wants to see, or all there are.
        np.testing.assert_array_equal(looked, np.minimum(day.visits.cards, dealt))
        assert np.all(dealt <= np.maximum(day.visits.cards, DECK_SIZE))
        present = it.crowd.present(day.number)
        assert present[day.cards.candidate].all() and present[day.cards.viewer].all()
        np.add.at(seen, it.pools.at(day.swiped.viewer, day.swiped.candidate), 1)
    assert seen.max() == 1


@pytest.mark.parametrize("name", ["random", GRAVITY, CEILING])
def test_matches_are_the_likes_that_met(name: str) -> None:
    before = likes_of([swiped for _, swiped in town().past])
    likes = before | likes_of([day.swiped for day in played(name)])
    pairs = (pair for day in played(name) for pair in day.matches.tolist())
    matched = [(min(pair), max(pair)) for pair in pairs]
    assert len(matched) == len(set(matched)) > 0
    assert set(matched) == met_of(likes) - met_of(before)
    assert any((a, b) in before or (b, a) in before for a, b in matched)


def likes_of(swipes: Iterable[Swiped]) -> set[tuple[int, int]]:
    """Viewer and candidate of all likes."""
    likes = ((of.viewer[of.liked].tolist(), of.candidate[of.liked].tolist()) for of in swipes)
    return {pair for viewers, candidates in likes for pair in zip(viewers, candidates, strict=True)}


def met_of(likes: set[tuple[int, int]]) -> set[tuple[int, int]]:
    """Who like each other, the lower row first."""
    return {(a, b) for a, b in likes if a < b and (b, a) in likes}


def test_whether_somebody_is_liked_does_not_hang_on_the_policy() -> None:
    answers: dict[tuple[int, int], bool] = {}
    compared = 0
    for name in ("random", PRODUCT, CEILING):
        for day in played(name):
            # Answers to likes come after the cards; nobody is tired on the first one.
            cards = day.cards.take(day.seen)
            liked = day.swiped.liked[: len(cards.viewer)]
            first = cards.place == 0
            pairs = zip(cards.viewer[first].tolist(), cards.candidate[first].tolist(), strict=True)
            for pair, answer in zip(pairs, liked[first].tolist(), strict=True):
                compared += pair in answers
                assert answers.setdefault(pair, answer) == answer
    assert compared > 20


def test_a_seed_is_a_market() -> None:
    one, again, other = (
        Outcome.of(it, Random(it.seed), DAYS).measures()
        for it in (town(), Town.draw(500, DAYS, 0), town(1))
    )
    assert one == again
    assert one != other


def test_who_knows_more_makes_more_matches() -> None:
    it = town()
    matches = {
        name: Outcome.of(it, CONTENDERS[name](it), DAYS).matches_a_day().mean()
        for name in ("random", CEILING, "oracle")
    }
    assert matches["oracle"] > matches[CEILING] > 1.2 * matches["random"]


def test_bots_swipe_and_count_for_nothing() -> None:
    it = town()
    crowd = replace(it.crowd, bot=np.ones(len(it), bool))
    all_bots = replace(it, choices=Choices(it.market, crowd))
    app = FastApp(it.pools, crowd, Random(0), it.past)
    days = list(live_days(app, all_bots.choices, 2))
    assert all(len(day.swiped.viewer) and day.swiped.liked.all() for day in days)
    assert all(len(day.matches) for day in days)
    outcome = Outcome.of(all_bots, Random(0), 2)
    assert not len(outcome.matches)
    assert not outcome.visits.any()
    assert not outcome.exposures.any()
    assert not outcome.likes.any()
    assert outcome.ran_out == outcome.regret == 0.0


def test_what_counts_is_what_people_did() -> None:
    it = town()
    bot = np.arange(len(it)) % 10 == 0
    some_bots = replace(it, choices=Choices(it.market, replace(it.crowd, bot=bot)))
    app = FastApp(it.pools, some_bots.crowd, Random(0), it.past)
    outcome = Outcome.of(some_bots, Random(0), 2)
    likes = np.zeros(len(it))
    for day in live_days(app, some_bots.choices, 2):
        cards, swiped = day.cards.take(day.seen), day.swiped
        exposures = np.zeros(len(it), np.int64)
        for viewer, candidate in zip(cards.viewer, cards.candidate, strict=True):
            exposures[candidate] += not bot[viewer]
        for viewer, candidate in zip(
            swiped.viewer[swiped.liked], swiped.candidate[swiped.liked], strict=True
        ):
            likes[candidate] += not bot[viewer]
        np.testing.assert_array_equal(outcome.exposures[day.number], exposures)
        pairs = [pair for pair in day.matches.tolist() if not bot[pair].any()]
        of_day = outcome.matches[outcome.matches[:, 0] == day.number, 1:]
        assert 0 < len(pairs) < len(day.matches)
        assert of_day.tolist() == pairs
        assert outcome.visits[day.number] == sum(not bot[who] for who in day.visits.person)
    np.testing.assert_array_equal(outcome.likes, likes)


@pytest.mark.parametrize("name", [GRAVITY, PRODUCT_WITH_ANSWERS, PRODUCT, CEILING])
def test_who_has_passed_on_the_viewer_comes_last_where_a_policy_knows(name: str) -> None:
    it = town()
    policy = CONTENDERS[name](it)
    policy.open_day(0, it.crowd.present(0))
    received = np.concatenate([of.candidate[~of.liked] for _, of in it.past])
    viewer = int(np.bincount(received).argmax())
    from_whom = np.concatenate([of.viewer[~of.liked] for _, of in it.past])[received == viewer]
    candidates = it.pools.candidate[it.pools.of_viewer(viewer)]
    candidates = candidates[~it.crowd.bot[candidates]]
    order = candidates[policy.order(viewer, candidates, len(candidates)).places]
    passed = np.isin(order, from_whom)
    assert 10 < passed.sum() < len(order) - 10
    assert np.array_equal(passed, np.sort(passed)) == (name != PRODUCT)


def test_ours_looks_past_who_has_passed_as_serving_does(monkeypatch: pytest.MonkeyPatch) -> None:
    it = town()
    policy = CONTENDERS[GRAVITY](it)
    policy.open_day(0, it.crowd.present(0))
    assert isinstance(policy, Learned)
    viewer = int(np.diff(it.pools.start).argmax())
    candidates = it.pools.candidate[it.pools.of_viewer(viewer)]
    nobody = np.zeros(len(candidates), bool)
    monkeypatch.setattr(learned, "RETRIEVED", 30)
    monkeypatch.setattr(learned, "SEARCHED", 60)
    found = policy._retrieved(viewer, candidates, nobody, nobody)
    assert len(found) == 60
    passed = np.isin(np.arange(len(candidates)), found)
    others = policy._retrieved(viewer, candidates, nobody, passed)
    assert len(others) == 60 and not passed[others].any()
    # Where few are left all of them come, beside the best of those who passed.
    few = np.setdiff1d(np.arange(len(candidates)), found)[:20]
    all_but_few = ~np.isin(np.arange(len(candidates)), few)
    mixed = policy._retrieved(viewer, candidates, nobody, all_but_few)
    assert set(mixed.tolist()) == {*few.tolist(), *found.tolist()}


def test_prices_are_of_who_is_there_and_not_settled() -> None:
    it = town()
    policy = CONTENDERS[GRAVITY](it)
    assert isinstance(policy, Learned)
    present = it.crowd.present(0)
    policy.open_day(0, present)
    mean = policy._prices.mean()
    assert mean[present].max() > 0.5 and not mean[~present].any()
    dearest = int(mean.argmax())
    viewers = np.flatnonzero(it.pools.has(np.arange(len(it)), np.full(len(it), dearest)))
    passes = Swiped(
        viewers,
        np.full(len(viewers), dearest),
        np.zeros(len(viewers), bool),
        np.full(len(viewers), np.nan),
    )
    policy.learn(replace(played(GRAVITY)[0], swiped=passes))
    policy.open_day(1, present)
    assert policy._prices.mean()[dearest] == 0.0


@pytest.mark.parametrize("name", [GRAVITY, WITHOUT_ANSWERS])
def test_prices_know_what_others_have_told_where_the_policy_does(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[Settled, Week]] = []

    def spied(people: People, settled: Settled, *args: Any, **kwargs: Any) -> Prices:
        given.append((settled, args[2]))
        return Prices.free(len(people))

    monkeypatch.setattr(learned, "price_people", spied)
    it = town()
    CONTENDERS[name](it).open_day(0, it.crowd.present(0))
    ((settled, week),) = given
    assert len(settled.told) == len(it.datasets.seen)
    assert settled.told.any() == week.waiting.any() == (name == GRAVITY)


def test_a_policy_that_learns_is_played_alike_again() -> None:
    it = town()
    policy = CONTENDERS[GRAVITY](it)
    again = _days(it, FastApp(it.pools, it.crowd, policy, it.past), policy)
    for one, other in zip(played(GRAVITY), again, strict=True):
        for what in ("cards", "swiped"):
            for name in getattr(one, what).__dataclass_fields__:
                np.testing.assert_array_equal(
                    getattr(getattr(one, what), name), getattr(getattr(other, what), name), name
                )
        np.testing.assert_array_equal(one.matches, other.matches)
        assert len(one.cards.viewer) and len(one.swiped.viewer)


@pytest.mark.parametrize("name", ["random", "popularity", WITHOUT_PHOTOS, PRODUCT, CEILING, ORACLE])
@pytest.mark.parametrize("hidden", ["all", "men", "nobody but one"])
def test_where_nobody_may_be_shown_nothing_happens(hidden: str, name: str) -> None:
    it = town()
    people = it.datasets.people
    table, men = people.table.copy(), people.gender == 1
    table["visible"] &= {
        "all": np.zeros(len(table), bool),
        "men": ~men,
        "nobody but one": np.arange(len(table)) == 7,
    }[hidden]
    datasets = replace(it.datasets, people=replace(people, table=table))
    it = replace(it, datasets=datasets, pools=Pools.of(table, datasets.today), past=())
    policy = CONTENDERS[name](it)
    for day in islice(_days(it, FastApp(it.pools, it.crowd, policy), policy), 2):
        assert not men[day.cards.candidate].any() or hidden == "nobody but one"
        if hidden != "men":
            assert not len(day.cards.viewer) and not len(day.matches)


@pytest.mark.parametrize("name", [WITHOUT_PHOTOS, PRODUCT, ONE_SIDED, "popularity", "newest"])
def test_who_learns_knows_nothing_but_swipes_and_profiles(name: str) -> None:
    it = town()
    truth, looks, turned = it.market, it.market.looks, np.arange(len(it))[::-1]
    other = replace(
        truth,
        readiness=truth.readiness[turned],
        appeal=truth.appeal[turned],
        taste=truth.taste[turned],
        trait=truth.trait[turned],
        nearness=truth.nearness[turned],
        looks=replace(looks, taste=looks.taste[turned]),
        seed=truth.seed + 1,
    )
    elsewhere = replace(it, choices=Choices(other, it.crowd))
    viewers = np.argsort(np.diff(it.pools.start))[-20:].tolist()
    one, same = (_first_cards(name, each, viewers) for each in (it, elsewhere))
    assert one == same
    one, other_cards = (_first_cards(CEILING, each, viewers) for each in (it, elsewhere))
    assert one != other_cards


def _first_cards(name: str, it: Town, viewers: list[int]) -> list[list[int]]:
    policy = CONTENDERS[name](it)
    policy.open_day(0, it.crowd.present(0))
    pools = (it.pools.candidate[it.pools.of_viewer(viewer)] for viewer in viewers)
    orders = zip(viewers, pools, strict=True)
    return [policy.order(viewer, pool, 20).places.tolist() for viewer, pool in orders]


def test_who_all_look_alike_are_shown_all_the_same() -> None:
    it = town()
    crowd = it.crowd
    alike = replace(crowd, arrives=np.zeros(len(crowd), np.int64))
    order = Newest(alike, 3).order(0, np.arange(50, dtype=np.int32), 50)
    assert sorted(order.places.tolist()) == list(range(50))
    nobody_swiped = it.datasets.seen.take(slice(0, 0))
    order = Popularity(nobody_swiped, 50).order(0, np.arange(50, dtype=np.int32), 20)
    assert len(set(order.places.tolist())) == 20


@given(st.lists(st.floats(-5, 5), max_size=60), st.integers(1, 70))
def test_the_best_are_the_best(scores: list[float], size: int) -> None:
    found = np.array(scores)[best(np.array(scores, float), size).places]
    assert found.tolist() == sorted(scores, reverse=True)[:size]


def test_measures_have_their_bounds() -> None:
    it = town()
    outcome = Outcome.of(it, Random(0), DAYS)
    measures = outcome.measures()
    assert all(0.0 <= value <= 1.0 for name, value in measures.items() if "matches" not in name)
    assert outcome.disparity("orientation", outcome) == pytest.approx(0.0)
    shares = np.linspace(0, 1, 11)
    lorenz = outcome.lorenz(shares)
    assert np.all(lorenz <= shares + 1e-9) and np.all(np.diff(lorenz) >= 0)


def test_habits_are_heavy_tailed_and_newcomers_come_on_their_first_day() -> None:
    crowd = Crowd.draw(20_000, 30, 0)
    active = np.sort(crowd.visits * crowd.cards)[::-1]
    assert active[:2_000].sum() > 0.3 * active.sum()
    new = np.flatnonzero((crowd.arrives == 3) & (crowd.leaves > 3))
    assert set(new) <= set(crowd.visiting(3).person.tolist())
    cards = crowd.visiting(4).cards
    assert cards.min() >= 1
    np.testing.assert_array_equal(cards, crowd.visiting(4).cards)
    assert not np.array_equal(cards[:50], crowd.visiting(5).cards[:50])


def test_every_pair_has_its_reverse() -> None:
    pools = town().pools
    reverse = pools.reverse()
    viewer, candidate = np.divmod(pools.key, len(pools))
    np.testing.assert_array_equal(pools.key[reverse], candidate * len(pools) + viewer)
    with pytest.raises(KeyError):
        pools.at(np.array([0]), np.array([0]))
