"""What a policy did to people, in towns and days that were made by hand."""

import numpy as np
import pytest

from simulator.outcome import Outcome
from tests.simulator.towns import ALWAYS, First, Floats, crowd_of, outcome_of, swiped_of, town_of


def test_newcomers_are_counted_from_their_own_first_day() -> None:
    crowd = crowd_of(
        8,
        arrives=[0, 1, 2, 2, 4, 1, 1, 0],
        bot=np.arange(8) == 5,
    )
    town = town_of(crowd, hidden=(6,))
    # 1 on the first day and later; 2 on the second, 4 on the last day; a bot; somebody hidden.
    matches = ((1, 1, 0), (3, 0, 1), (3, 2, 7), (4, 7, 4), (1, 5, 0), (1, 6, 0))
    outcome = outcome_of(town, 5, matches)
    # 1, 2, 3 and 4 have had a day, the first three of them also a second one.
    assert outcome.newcomers(1) == pytest.approx([2 / 4])
    assert outcome.newcomers(2) == pytest.approx([1 / 3, 2 / 3])
    assert outcome.measures()["newcomers_matched_first_day"] == pytest.approx(2 / 4)
    assert outcome_of(town_of(crowd_of(3)), 5).newcomers(2).tolist() == [0.0, 0.0]


def test_a_week_s_matched_are_of_those_who_were_there_for_it() -> None:
    # 4 joins on day 3, 5 is gone on day 7, 6 is a bot.
    crowd = crowd_of(
        7,
        arrives=[0, 0, 0, 0, 3, 0, 0],
        leaves=[*[ALWAYS] * 5, 7, ALWAYS],
        bot=np.arange(7) == 6,
    )
    matches = ((4, 4, 6), (6, 0, 1), (7, 2, 3), (13, 4, 0), (14, 1, 4))
    outcome = outcome_of(town_of(crowd), 16, matches, visits=(5,) * 16)
    measures = outcome.measures()
    # 0 and 1, of 0, 1, 2, 3 and 5.
    assert measures["matched_in_first_week"] == pytest.approx(2 / 5)
    # Then 0, 2, 3 and 4, of 0 to 4; the third week is not over.
    assert measures["matched_in_a_week"] == pytest.approx((2 / 5 + 4 / 5) / 2)
    assert measures["matches_per_active_day"] == pytest.approx(2 * 5 / 80)


def test_of_a_few_days_the_first_week_is_what_there_was_of_it() -> None:
    crowd = crowd_of(4, leaves=[ALWAYS, ALWAYS, ALWAYS, 2])
    measures = outcome_of(town_of(crowd), 3, ((2, 0, 1),)).measures()
    assert measures["matched_in_first_week"] == pytest.approx(2 / 3)
    assert measures["matched_in_a_week"] == pytest.approx(2 / 3)


def test_matches_later_are_those_after_two_weeks() -> None:
    matches = ((0, 0, 1), (13, 0, 2), (14, 1, 2), (15, 0, 3), (15, 1, 3))
    town = town_of(crowd_of(4))
    assert outcome_of(town, 16, matches, (10,) * 14 + (4, 6)).matches_later() == pytest.approx(0.6)
    # Of two weeks, or less, all days count.
    assert outcome_of(town, 14, matches[:2], (2,) * 14).matches_later() == pytest.approx(4 / 28)
    assert outcome_of(town, 14).matches_later() == 0.0


def test_gini_later_is_of_the_days_after_two_weeks_and_of_who_was_there() -> None:
    # 3 joins on the last day, 4 is gone on it, 5 is a bot.
    crowd = crowd_of(
        6,
        arrives=[0, 0, 0, 15, 0, 0],
        leaves=[ALWAYS, ALWAYS, ALWAYS, ALWAYS, 15, ALWAYS],
        bot=np.arange(6) == 5,
    )
    exposures = np.zeros((16, 6), np.int64)
    exposures[0] = [12, 32, 4, 0, 60, 900]
    exposures[14] = [3, 0, 5, 0, 0, 100]
    exposures[15] = [1, 0, 7, 7, 0, 100]
    outcome = outcome_of(town_of(crowd), 16, exposures=exposures)
    # 2, 0 and 6 a day: differences 2, 4 and 6 over three times their sum of 8.
    assert outcome.gini_later() == pytest.approx(12 / 24)
    # Of all days 1, 2, 1 and, of the 15 until they left, 4 a day: 10 over four times 8.
    assert outcome.measures()["gini"] == pytest.approx(10 / 32)


def test_of_nothing_seen_there_is_no_gini() -> None:
    outcome = outcome_of(town_of(crowd_of(3)), 3)
    assert np.isnan([outcome.gini_later(), outcome.measures()["gini"]]).all()


def test_the_bottom_fifth_is_of_likes_a_day() -> None:
    crowd = crowd_of(10, arrives=[0] * 9 + [10])
    # The last one was there for half of the days, so 10 are 1 a day.
    likes = [20.0, 40.0, *[60.0] * 7, 10.0]
    measures = outcome_of(town_of(crowd), 20, likes=likes).measures()
    assert measures["likes_of_bottom_fifth"] == pytest.approx((1 + 1) / (1 + 2 + 21 + 1))


Matches = tuple[tuple[int, int, int], ...]


def within(first: int, people: int, each: int) -> Matches:
    """So many matches of each of some people, with somebody of no group (row 200)."""
    return tuple((0, row, 200) for row in range(first, first + people) for _ in range(each))


def groups_of(*sizes: int) -> list[int]:
    """Groups 0, 1, 2 … of so many of 201 people; the rest has none."""
    of = np.repeat(np.arange(len(sizes)), sizes).tolist()
    return of + [-1] * (201 - len(of))


def test_disparity_is_between_groups_that_are_large_enough() -> None:
    # 60, 50 and a bot, and 49, who are too few.
    town = town_of(crowd_of(201, bot=np.arange(201) == 110), groups_of(60, 51, 49))
    mine = within(0, 60, 3) + within(60, 50, 1) + within(110, 1, 500)
    theirs = within(0, 60, 4) + within(60, 50, 4) + within(111, 49, 9)
    one, reference = outcome_of(town, 1, mine), outcome_of(town, 1, theirs)
    # 180 of 240 against 50 of 200.
    assert one.disparity("group", reference) == pytest.approx(np.log(0.75 / 0.25))
    assert one.disparity("group", one) == pytest.approx(0.0)


def test_where_no_group_is_large_enough_or_nobody_matches_there_is_no_disparity() -> None:
    small = town_of(crowd_of(201), groups_of(49, 30))
    one = outcome_of(small, 1, within(0, 60, 3))
    assert one.disparity("group", one) == one.disparity_by_chance("group", one) == 0.0
    large = town_of(crowd_of(201), groups_of(60, 60))
    nothing, reference = outcome_of(large, 1), outcome_of(large, 1, within(0, 120, 1))
    assert nothing.disparity("group", reference) == 0.0
    assert nothing.disparity_by_chance("group", reference) == 0.0


def test_by_chance_whoever_has_more_makes_some_group_better_off() -> None:
    town = town_of(crowd_of(201), groups_of(50, 50))
    all_alike = within(0, 100, 1)
    one, reference = (
        outcome_of(town, 1, all_alike + within(7, 1, 50)),
        outcome_of(town, 1, all_alike),
    )
    # Whichever group they are dealt to has 100 of 50, the other 50 of 50.
    assert one.disparity_by_chance("group", reference) == pytest.approx(np.log(2.0))
    assert reference.disparity_by_chance("group", reference) == pytest.approx(0.0)


def test_by_chance_groups_hardly_differ_where_they_do_because_of_who_is_in_them() -> None:
    town = town_of(crowd_of(201), groups_of(100, 100))
    mine = within(0, 100, 2) + within(100, 100, 1)
    one, reference = outcome_of(town, 1, mine), outcome_of(town, 1, within(0, 200, 1))
    assert one.disparity("group", reference) == pytest.approx(np.log(2.0))
    by_chance = one.disparity_by_chance("group", reference)
    # 100 of 200 have two: a group's mean of 1.5 has a deviation of .035.
    assert by_chance == one.disparity_by_chance("group", reference)
    assert by_chance == pytest.approx(0.0, abs=0.12)
    assert by_chance > 0.01


def test_regret_is_what_the_best_cards_would_have_been_worth() -> None:
    # 0 and 1 come daily and look at one card; 2 and 3 never come, and like anybody by half; so does
    # 4, a bot, whom 5 alone may be shown.
    told = np.zeros((6, 6))
    told[0, [2, 3]] = logits(0.2, 0.8)
    told[1, [2, 3]] = logits(0.6, 0.2)
    crowd = crowd_of(6, visits=[1.0, 1.0, 0.0, 0.0, 1.0, 0.0], bot=np.arange(6) == 4)
    pairs = ((0, 2), (0, 3), (1, 2), (1, 3), (4, 5))
    town = town_of(crowd, told=told, eligible=pairs)

    # .1 and .3 were shown, .4 and .3 could have been.
    first = Outcome.of(town, First(), 1)
    assert first.regret == pytest.approx(1 - 0.4 / 0.7)
    assert first.ran_out == 0.0
    assert first.exposures.tolist() == [[0, 0, 2, 0, 0, 0]]
    # On the second day there is nothing else to show, and on the third nothing.
    outcome = Outcome.of(town, First(), 3)
    assert outcome.regret == pytest.approx((1 - 0.4 / 0.7) / 3)
    assert outcome.ran_out == pytest.approx(1 / 3)
    assert outcome.visits.tolist() == [2, 2, 2]
    assert outcome.exposures.sum(axis=0).tolist() == [0, 0, 2, 2, 0, 0]


def test_in_regret_who_has_swiped_the_viewer_has_decided() -> None:
    # 0 looks at one card, that of 1, who would like them back by half. 2 likes 0 and 3 has passed
    # on them before; so does 4 like them, a bot.
    told = np.zeros((5, 5))
    told[0] = logits(0.5, 0.6, 0.4, 0.9, 0.99)
    town = town_of(
        crowd_of(5, visits=[1.0, 0.0, 0.0, 0.0, 0.0], bot=np.arange(5) == 4),
        told=told,
        eligible=((0, 1), (0, 2), (0, 3), (0, 4)),
        past=[(-1, swiped_of((2, 0, True), (3, 0, False), (4, 0, True)))],
    )
    # .3 was shown, .4 could have been, whether 0 has answered 2 on that day or not.
    assert Outcome.of(town, First(), 1).regret == pytest.approx(1 - 0.3 / 0.4)


def logits(*chances: float) -> Floats:
    p = np.array(chances)
    return np.asarray(np.log(p / (1.0 - p)), np.float64)
