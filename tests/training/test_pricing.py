"""The prices of a release: by both dials, and what decks are with them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.behaviour import logit
from features.fold_in import LIKE, PASS, SUPERLIKE
from features.prices import KNOTS, Prices, StrengthRefused
from features.release import Release
from features.score import Sides, candidate_vectors
from tests.training.test_build import SETTINGS, Learned, learned
from tests.training.worlds import market
from training.build import TrainingSettings, evaluate, with_prices
from training.datasets import DAY_MS, Datasets, Split, Swipes, datasets_of
from training.priced_decks import priced_decks
from training.pricing import pricing_of, week_of


def again(strength: float, exposure: float = 1.0) -> Learned:
    """What was learned, with prices of other dials."""
    known = learned()
    people = known.datasets.people
    dial = np.full(len(people), exposure, np.float32)
    datasets = replace(known.datasets, people=replace(people, exposure=dial))
    fitted = replace(known.fitted, settings=replace(SETTINGS, price_strength=strength))
    return replace(known, datasets=datasets, fitted=with_prices(datasets, fitted, 0))


def test_a_release_keeps_the_prices_that_were_found(tmp_path: Path) -> None:
    known = learned()
    manifest = known.assemble(tmp_path / "1")
    release = Release.open(tmp_path / "1")
    prices = release.prices_of(np.arange(len(known.datasets.people)))
    np.testing.assert_array_equal(prices.nats, known.fitted.prices.nats)
    np.testing.assert_array_equal(prices.knots, known.fitted.prices.knots)
    assert prices.nats.max() > 0.1
    assert release.arrays.price_nats.dtype == np.float16
    pricing = manifest.pricing
    assert (pricing.strength, pricing.exposure) == (1.0, 1.0)
    week = week_of(known.datasets, known.fitted.final.sides())
    assert pricing.cards_a_week == pytest.approx(week.cards.mean())
    assert pricing.visits_a_week == pytest.approx(week.visits.mean())
    assert 0.0 < pricing.visits_a_week < min(7.0, pricing.cards_a_week)
    stranger = release.prices_of(np.array([-1]))
    assert not stranger.nats.any()


SWIPED = (
    # Before the window, and on days 0 to 13 of it: day, viewer, candidate, action.
    (-20, 3, 1, LIKE),
    (-10, 2, 1, PASS),
    (0, 0, 1, LIKE),
    (0, 0, 2, SUPERLIKE),
    (3, 0, 3, PASS),
    (7, 1, 0, PASS),
    (9, 1, 2, LIKE),
    (13, 3, 0, LIKE),
)


def four() -> tuple[Datasets, Sides]:
    """Four people who swiped so, in a window of two weeks that begins on day 100."""
    known = learned()
    people = known.datasets.people
    day, viewer, candidate, action = np.array(SWIPED).T
    unknown = np.full(len(day), np.nan, np.float32)
    seen = Swipes(viewer, candidate, action.astype(np.uint8), (100 + day) * DAY_MS, unknown)
    datasets = replace(
        known.datasets,
        people=replace(people, table=people.table[:4], exposure=people.exposure[:4]),
        seen=seen,
        swipes=seen.take(day >= 0),
        split=Split(start=100, calibrate=107, evaluate=111, end=114),
        withdrawn=np.zeros(4, bool),
    )
    return datasets, known.fitted.final.sides().take(np.arange(4))


def test_a_week_is_counted_from_each_one_s_first_day_and_half_a_week_is_as_usual() -> None:
    datasets, sides = four()
    week = week_of(datasets, sides)
    # Of 2, 1, 2 and 2 weeks, the last person having swiped before, with 3, 2, 0 and 1 cards: 6/7 a
    # week are usual.
    assert week.cards == pytest.approx([48 / 35, 34 / 21, 6 / 35, 4 / 7])
    # On 2, 2, 0 and 1 days: 5/7 a week.
    assert week.visits == pytest.approx([33 / 35, 11 / 7, 1 / 7, 19 / 35])
    pricing = pricing_of(datasets, 2.0)
    assert pricing.strength == 2.0
    assert pricing.cards_a_week == pytest.approx(np.mean([48 / 35, 34 / 21, 6 / 35, 4 / 7]))
    assert pricing.visits_a_week == pytest.approx(np.mean([33 / 35, 11 / 7, 1 / 7, 19 / 35]))


@pytest.mark.parametrize(
    ("likes_all", "waiting"),
    [
        # 0's like of 1, 1's of 2 and 3's of 0 are answered, one of them before the window.
        ((), [0, 1, 1, 0]),
        ((3,), [0, 0, 1, 0]),
        ((0, 1), [0, 1, 0, 0]),
        ((0, 1, 2, 3), [0, 0, 0, 0]),
    ],
)
def test_likes_wait_that_say_something_and_are_not_answered(
    likes_all: tuple[int, ...], waiting: list[int]
) -> None:
    datasets, sides = four()
    given = np.full(4, logit(np.float32(0.5)), np.float32)
    given[list(likes_all)] = logit(np.float32(0.95))
    week = week_of(datasets, replace(sides, given_logit=given))
    assert week.waiting.tolist() == waiting
    # Who waits for an answer comes first: so many fewer are in question otherwise.
    # They take half of the cards at most.
    cards = np.array([48 / 35, 34 / 21, 6 / 35, 4 / 7])
    left = np.maximum(cards - waiting, cards / 2)
    assert week.exposures() == pytest.approx(left, abs=1e-6)


def test_whoever_is_withdrawn_looks_at_nobody_who_could_tell_and_their_likes_do_not_wait() -> None:
    datasets, sides = four()
    # One of the likes that wait is of 0.
    barred = replace(datasets, withdrawn=np.array([True, False, False, False]))
    given = np.full(4, logit(np.float32(0.5)), np.float32)
    found, usual = (week_of(each, replace(sides, given_logit=given)) for each in (barred, datasets))
    assert found.cards[0] == 0.0
    np.testing.assert_array_equal(found.cards[1:], usual.cards[1:])
    assert usual.waiting.tolist() == [0, 1, 1, 0]
    assert found.waiting.tolist() == [0, 1, 0, 0]
    # The manifest tells what prices go by.
    assert pricing_of(barred, 1.0).cards_a_week == pytest.approx(found.cards.mean())


def test_a_gender_of_whom_all_are_shadow_banned_costs_nothing_and_its_likes_crowd_nobody() -> None:
    known = learned()
    women = known.datasets.people.gender == 2
    barred = replace(known.datasets, withdrawn=women)
    assert known.fitted.prices.nats[women].any() and known.fitted.prices.nats[~women].any()
    found = with_prices(barred, known.fitted, 0).prices
    # Of men, only who would be shown to men: in this town nobody.
    assert not found.nats.any()
    # They come back by themselves when the ban is lifted, so a release has them as before.
    assert (barred.people.table["visible"] == known.datasets.people.table["visible"]).all()


def test_without_strength_a_release_is_as_before_there_were_prices(tmp_path: Path) -> None:
    free = again(strength=0.0)
    assert not free.fitted.prices.nats.any()
    evaluation = evaluate(free.datasets, free.fitted, 0)
    manifest = replace(free, evaluation=evaluation).assemble(tmp_path / "1")
    release = Release.open(tmp_path / "1")
    sides = free.fitted.final.sides()
    expected = candidate_vectors(sides, np.zeros(len(sides.k), np.float32))
    np.testing.assert_array_equal(release.arrays.candidate_vectors, expected)
    assert manifest.pricing.strength == 0.0
    measured = manifest.evaluation
    assert measured["price_mean"] == measured["price_share"] == 0.0
    assert measured["deck_gini_priced"] == measured["deck_gini_free"]
    assert measured["deck_matches_priced"] == measured["deck_matches_free"]


def test_who_finds_more_exposure_enough_costs_less_and_a_stronger_dial_makes_all_dearer() -> None:
    usual, relaxed, strong = (
        again(*dials).fitted.prices.mean().mean() for dials in ((1.0,), (1.0, 4.0), (2.0,))
    )
    assert relaxed < 0.7 * usual
    assert strong > 1.2 * usual


@pytest.mark.parametrize("strength", [-1.0, float("nan"), float("inf")])
def test_a_strength_of_no_sense_is_refused_before_anything_is_learned(strength: float) -> None:
    with pytest.raises(StrengthRefused):
        TrainingSettings(price_strength=strength)


def test_each_one_s_dial_comes_from_the_profiles() -> None:
    world = market(people=500)
    dial = np.where(np.arange(500) % 2 == 0, 0.5, 2.0)
    column = world.profiles.schema.get_field_index("exposure")
    profiles = world.profiles.set_column(
        column, world.profiles.schema.field(column), pa.array(dial, pa.float32())
    )
    datasets = datasets_of(profiles, world.swipes, world.now, world.now)
    expected = dial[datasets.people.table["person_id"] - 1]
    np.testing.assert_array_equal(datasets.people.exposure, expected)
    # Another release would come of it.
    assert datasets.data_hash != learned().datasets.data_hash


def test_prices_spread_exposure_and_their_cost_is_reported() -> None:
    metrics = learned().evaluation.metrics()
    assert metrics["deck_gini_priced"] < metrics["deck_gini_free"]
    assert 0.0 < metrics["deck_matches_priced"] <= metrics["deck_matches_free"]
    assert 0.0 < metrics["price_mean"] <= metrics["price_top_decile"]
    assert 0.0 < metrics["price_share"] <= 1.0


def test_the_draw_strays_as_far_as_the_value_less_prices_allows() -> None:
    known = learned()
    n = len(known.datasets.people)
    # Nobody but a few is worth a card, and a draw that strays finds others.
    nats = np.where(np.arange(n)[:, None] % 5 > 0, 8.0, np.zeros((n, KNOTS))).astype(np.float32)
    dear = replace(known.fitted, prices=Prices(known.fitted.prices.knots, nats))
    taus = [evaluate(known.datasets, fitted, 0).tau for fitted in (known.fitted, dear)]
    assert taus[0] != taus[1]


def test_where_nobody_looks_there_is_nothing_to_report() -> None:
    known = learned()
    fitted = known.fitted
    decks = priced_decks([], fitted.final.sides(), fitted.ranker, fitted.prices)
    assert np.isnan([decks.gini.priced, decks.gini.free, decks.matches.free]).all()
    assert np.isfinite(decks.price_mean)
