"""The market of which some are held out: training knows nothing of them."""

import numpy as np
import pytest

from cli.evaluate.newcomers import ASKED, HISTORY, Joined, hold_out
from cli.evaluate.simulated import simulate


@pytest.fixture(scope="module")
def joined() -> Joined:
    return hold_out(1_200, seed=1)


def test_nobody_held_out_is_known_to_training(joined: Joined) -> None:
    known = set(joined.datasets.people.table["person_id"].tolist())
    new = set(joined.truth.person[joined.truth_row].tolist())
    assert new
    assert not new & known
    assert len(joined.profiles) == len(new)
    assert joined.truth.person[joined.known_row].tolist() == list(
        joined.datasets.people.table["person_id"]
    )


def test_cards_are_of_known_people_whom_one_may_meet_and_of_each_once(joined: Joined) -> None:
    for cards in (joined.given, joined.received):
        assert cards.others.shape == (len(joined.truth_row), HISTORY + ASKED)
        for may, others in zip(joined.eligible, cards.others, strict=True):
            assert may[others].all()
            assert len(np.unique(others)) == len(others)


def test_answers_come_from_the_truth(joined: Joined) -> None:
    new = np.repeat(joined.truth_row, HISTORY + ASKED)
    old = joined.known_row[joined.given.others.ravel()]
    x = joined.truth.logits(new, old)
    liked = joined.given.liked.ravel()
    assert liked.mean() == pytest.approx((1.0 / (1.0 + np.exp(-x))).mean(), abs=0.02)


def test_seeds_give_equal_markets() -> None:
    one, other = simulate(400, seed=2), simulate(400, seed=2)
    assert one.datasets.data_hash == other.datasets.data_hash
    ids = one.datasets.people.table["person_id"]
    assert one.truth.person[one.truth_row].tolist() == ids.tolist()
