"""Weighted measures are those of scikit-learn with as many copies of each row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from training.reciprocal.weighted import auc, average_precision, rmse

_ROW = st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 4))


@settings(max_examples=100, deadline=None)
@given(st.lists(_ROW, min_size=2, max_size=30))
def test_ties_and_weights_count_as_scikit_learn_counts_them(
    rows: list[tuple[int, bool, int]],
) -> None:
    score, positive, weight = (np.array(column) for column in zip(*rows, strict=True))
    weights = np.stack((weight, np.ones(len(weight)))).astype(np.float32)
    ours = auc(score.astype(float), positive, weights)
    precision = average_precision(score.astype(float), positive, weights)
    for i, each in enumerate(weights):
        present = each > 0
        if len(set(positive[present])) < 2:
            assert np.isnan(ours[i])
            continue
        wanted = roc_auc_score(positive, score, sample_weight=each)
        assert ours[i] == pytest.approx(wanted, abs=1e-9)
        wanted = average_precision_score(positive, score, sample_weight=each)
        assert precision[i] == pytest.approx(wanted, abs=1e-9)


def test_rmse_weighs_squares() -> None:
    weights = np.array([[1, 1], [3, 0], [0, 2]], np.float32)
    found = rmse(np.array([1.0, 2.0]), weights)
    assert found.tolist() == pytest.approx([np.sqrt(2.5), 1.0, 2.0])


def test_nobody_has_no_area() -> None:
    ones = np.ones((3, 0), np.float32)
    assert np.isnan(auc(np.zeros(0), np.zeros(0, bool), ones)).all()
    assert np.isnan(average_precision(np.zeros(0), np.zeros(0, bool), ones)).all()
