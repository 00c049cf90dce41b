"""Logs with a known bias: the propensities are those of the draw."""

import numpy as np
import pytest

from cli.evaluate.attention import Logged, log_decks
from cli.evaluate.simulated import simulate
from training.reliability.logs import LEAST_CARDS, rates

_PEOPLE = 2_500


@pytest.fixture(scope="module")
def logged() -> Logged:
    return log_decks(simulate(_PEOPLE, seed=3), seed=3)


def test_who_is_further_down_is_looked_at_less(logged: Logged) -> None:
    log = logged.log
    attention = log.attention()
    assert attention[log.position == 0].mean() == 1.0
    assert attention[log.position == 19].mean() < 0.4
    assert not log.liked[~log.seen].any()


def test_propensities_of_a_viewer_are_of_a_draw_without_replacement(logged: Logged) -> None:
    log = logged.log
    assert ((log.propensity > 0) & (log.propensity <= 1)).all()
    pairs = log.viewer * _PEOPLE + log.candidate
    assert len(np.unique(pairs)) == len(pairs)


def test_the_policy_flatters_and_its_propensities_take_that_back(logged: Logged) -> None:
    log = logged.log
    cards = np.bincount(log.candidate, log.seen, len(logged.rate))
    judged = (cards >= LEAST_CARDS) & ~np.isnan(logged.rate)
    found = rates(log, len(logged.rate))
    bias = {name: float((rate - logged.rate)[judged].mean()) for name, rate in found.items()}
    assert bias["seen"] > 0.04
    assert abs(bias["gravity-by-inverse-propensity"]) < 0.6 * bias["gravity"]
    assert bias["impressions"] < -0.1
