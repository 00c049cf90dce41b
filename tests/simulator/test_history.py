"""Swipes are what the truth and a known policy make of eligible people."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.eligibility import Candidates, eligible, viewer_of
from features.person_rows import people_of
from simulator.exposure import POPULARITY, UNIFORM, show
from simulator.history import DAYS, DECK_SIZE, SWIPE_FILE, History, draw_history
from simulator.population import draw_population
from simulator.tastes import Market, sigmoid
from simulator.world import build_world, find_world

UNTIL = datetime(2024, 3, 1, tzinfo=UTC)
TODAY = int(UNTIL.timestamp()) // 86_400 - 1


@pytest.fixture(scope="module")
def people() -> pa.Table:
    return draw_population(1_500, UNTIL, seed=1)


@pytest.fixture(scope="module")
def market(people: pa.Table) -> Market:
    return Market.draw(people, seed=1)


@pytest.fixture(scope="module")
def history(people: pa.Table, market: Market) -> History:
    return draw_history(people, market, UNTIL, seed=1)


def test_every_card_was_eligible_and_nobody_came_twice(people: pa.Table, history: History) -> None:
    table = people_of(people)
    candidates = Candidates.of(table)
    swiper = history.swipes["swiper"].to_numpy() - 1
    swiped = history.swipes["swiped"].to_numpy() - 1
    for viewer in np.unique(swiper).tolist():
        shown = swiped[swiper == viewer]
        assert eligible(viewer_of(table, viewer), candidates, TODAY)[shown].all()
        assert len(np.unique(shown)) == len(shown)


def test_swipes_lie_in_the_month_and_ascend_for_each_swiper(history: History) -> None:
    assert history.swipes.schema == SWIPE_FILE
    at = history.swipes["swiped_at"].to_numpy()
    until = np.datetime64(UNTIL.replace(tzinfo=None), "ms")
    assert at.max() < until
    assert at.min() >= until - np.timedelta64(DAYS, "D")
    same = np.diff(history.swipes["swiper"].to_numpy()) == 0
    assert np.all(np.diff(at)[same] >= np.timedelta64(0))


def test_a_deck_is_one_viewers_and_is_swiped_from_the_top(history: History) -> None:
    swipes = history.swipes.select(["deck_id", "swiper", "position"]).to_pandas()
    decks = swipes.groupby("deck_id", sort=False)
    assert (decks["swiper"].nunique() == 1).all()
    assert (swipes["position"] == decks.cumcount()).all()
    assert swipes["position"].max() < DECK_SIZE


def test_half_of_the_cards_are_uniform_and_both_policies_are_named(history: History) -> None:
    policy = np.array(history.swipes["policy"].to_pylist())
    assert set(policy) == {UNIFORM, POPULARITY}
    assert np.mean(policy == UNIFORM) == pytest.approx(0.5, abs=0.06)


def test_activity_is_heavy_tailed(history: History) -> None:
    swipes = np.bincount(history.swipes["swiper"].to_numpy(), minlength=1_501)[1:]
    busiest = np.sort(swipes)[::-1][: len(swipes) // 10].sum()
    assert busiest > 0.25 * swipes.sum()
    assert np.mean(swipes == 0) > 0.04


def test_propensities_are_those_of_the_draw(people: pa.Table) -> None:
    """Over many draws, each candidate is first as often as its propensity says, and second too."""
    table = people_of(people)
    popularity = np.random.default_rng(0).uniform(0.05, 0.9, len(table))
    sizes = [
        eligible(viewer_of(table, row), Candidates.of(table), TODAY).sum() for row in range(60)
    ]
    viewer = next(row for row, size in enumerate(sizes) if 8 <= size <= 40)
    wanted = np.zeros(len(table), np.int64)
    wanted[viewer] = 2
    random = np.random.default_rng(1)
    first: dict[int, list[float]] = {}
    second_weights = 0.0
    rounds = 4_000
    for _ in range(rounds):
        shown = show(table, popularity, wanted, TODAY, random)
        first.setdefault(int(shown.candidate[0]), []).append(float(shown.propensity[0]))
        # E[1 / propensity] of a draw is the number of things that can be drawn.
        second_weights += 1.0 / float(shown.propensity[1])
    for propensities in first.values():
        p = propensities[0]
        assert np.allclose(propensities, p)
        assert len(propensities) / rounds == pytest.approx(p, abs=5 * np.sqrt(p / rounds))
    assert second_weights / rounds == pytest.approx(sizes[viewer] - 1, rel=0.1)


def test_the_truth_is_calibrated_and_survives_the_disk(
    market: Market, history: History, tmp_path: Path
) -> None:
    market.save(tmp_path)
    loaded = Market.load(tmp_path)
    swiper, swiped = history.swipes["swiper"].to_numpy(), history.swipes["swiped"].to_numpy()
    p = loaded.p_like(swiper, swiped)
    assert np.array_equal(p, market.p_like(swiper, swiped))
    liked = np.array(history.swipes["action"].to_pylist()) != "pass"
    for low in np.arange(0, 1, 0.25):
        band = (p >= low) & (p < low + 0.25)
        assert liked[band].mean() == pytest.approx(p[band].mean(), abs=0.03)


def test_two_sides_make_more_matches_than_popularity(people: pa.Table, market: Market) -> None:
    """By readiness and appeal alone, the 5 best of both sides against the 5 most liked."""
    table = people_of(people)
    columns = Candidates.of(table)
    matches = np.zeros(2)
    for viewer in range(300):
        found = np.flatnonzero(eligible(viewer_of(table, viewer), columns, TODAY))
        if len(found) < 100:
            continue
        me = np.full(len(found), viewer)
        truth = sigmoid(market.logits(me, found)) * sigmoid(market.logits(found, me))
        there = sigmoid(market.readiness[me] + market.appeal[found])
        back = sigmoid(market.readiness[found] + market.appeal[me])
        for order, score in enumerate((there * back, market.appeal[found])):
            matches[order] += truth[np.argsort(-score)[:5]].sum()
    assert matches[0] > 1.2 * matches[1]


def test_unknown_people_are_not_guessed(market: Market) -> None:
    with pytest.raises(KeyError):
        market.p_like(np.array([1]), np.array([9_999_999]))


def test_chemistry_is_the_same_for_both(market: Market) -> None:
    one, other = np.array([4]), np.array([9])
    there = market.logits(one, other) + market.nearness[one] * market.way(one, other)
    there -= market.readiness[one] + market.appeal[other]
    there -= np.sum(market.taste[one] * market.trait[other], axis=1) + market.visual(one, other)
    back = market.logits(other, one) + market.nearness[other] * market.way(one, other)
    back -= market.readiness[other] + market.appeal[one]
    back -= np.sum(market.taste[other] * market.trait[one], axis=1) + market.visual(other, one)
    assert there == pytest.approx(back)


def test_the_same_seed_gives_the_same_world_and_a_finished_one_is_kept(tmp_path: Path) -> None:
    one = build_world(tmp_path / "one", 300, UNTIL, seed=5)
    other = build_world(tmp_path / "other", 300, UNTIL, seed=5)
    assert one.swipes.read_bytes() == other.swipes.read_bytes()
    assert one.profiles.read_bytes() == other.profiles.read_bytes()
    written = one.swipes.stat().st_mtime_ns
    later = build_world(tmp_path / "one", 300, UNTIL + timedelta(days=3), seed=5)
    assert later == one
    assert one.swipes.stat().st_mtime_ns == written
    assert build_world(tmp_path / "one", 400, UNTIL, seed=5).people == 400


def test_a_world_of_another_version_is_none_and_is_drawn_anew(tmp_path: Path) -> None:
    build_world(tmp_path, 300, UNTIL, seed=5)
    assert find_world(tmp_path) is not None
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    (tmp_path / "recipe.json").write_text(json.dumps({**recipe, "version": recipe["version"] - 1}))
    # Its truth lacked what people think of the way.
    np.savez(tmp_path / "truth.npz", readiness=np.zeros(300))
    assert find_world(tmp_path) is None
    assert len(build_world(tmp_path, 300, UNTIL, seed=5).truth().nearness) == 300


def test_few_people_still_leave_somebody_for_the_next_deck(tmp_path: Path) -> None:
    world = build_world(tmp_path, 500, UNTIL, seed=1)
    assert world.swipes_count > 3_000
