"""Measures equal scikit-learn's at any weights; resampling is paired."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from training.ranker.measures import (
    Bootstrap,
    auc,
    average_precision,
    log_loss,
    mean,
    plain,
)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), m=st.integers(4, 60), levels=st.integers(1, 30))
def test_measures_are_those_of_scikit_learn(seed: int, m: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    score = (rng.integers(0, levels, m) / 3.0 - 2.0).astype(np.float64)
    positive = rng.random(m) < 0.4
    positive[:2] = True, False
    weight = rng.uniform(0.1, 3.0, m).astype(np.float32)
    assert auc(score, positive)(weight[None]) == pytest.approx(
        roc_auc_score(positive, score, sample_weight=weight)
    )
    assert average_precision(score, positive)(weight[None]) == pytest.approx(
        average_precision_score(positive, score, sample_weight=weight)
    )
    p = 1.0 / (1.0 + np.exp(-score))
    expected = sklearn_log_loss(positive, p, sample_weight=weight)
    assert log_loss(score, positive)(weight[None]) == pytest.approx(expected)


def test_an_outcome_that_lacks_has_no_auc() -> None:
    assert np.isnan(plain(auc(np.arange(3.0), np.ones(3, bool)), 3))
    assert np.isnan(plain(average_precision(np.arange(3.0), np.zeros(3, bool)), 3))


def test_groups_are_drawn_whole_and_differences_are_paired() -> None:
    group = np.repeat(np.arange(20), 3)
    values = np.random.default_rng(0).normal(size=60)
    bootstrap = Bootstrap(group, 50, seed=1)
    one, two = bootstrap.estimate(mean(values)), bootstrap.estimate(mean(values + 0.5))
    low, high = two.minus(one).interval()
    assert (low, high) == pytest.approx((0.5, 0.5))
    within = bootstrap.estimate(lambda w: np.ptp(w.reshape(-1, 20, 3), axis=2).max(axis=1))
    assert within.interval() == (0.0, 0.0)
