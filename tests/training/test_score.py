"""The inner product of the index is the formula of the design."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.score import (
    Calibration,
    Sides,
    candidate_vectors,
    like_logits,
    log_sigmoid,
    match_scores,
    query_vectors,
)

CALIBRATIONS = {
    1: Calibration(0.9, 1.1, 0.8, 0.2),
    2: Calibration(1.2, 0.7, 1.3, -0.4),
    3: Calibration(1.0, 1.0, 1.0, 0.0),
}


def people(n: int, seed: int) -> Sides:
    rng = np.random.default_rng(seed)
    taste, appeal = rng.normal(size=(2, n, 4)).astype(np.float32)
    given_rate, received_rate = rng.uniform(0.05, 0.95, (2, n)).astype(np.float32)
    line = np.stack((rng.uniform(-2, 0, n), rng.uniform(0.1, 1, n)), axis=1).astype(np.float32)
    gender = rng.integers(1, 4, n)
    return Sides.of(taste, appeal, given_rate, received_rate, line, gender, CALIBRATIONS)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_the_inner_product_is_both_logits_by_both_lines(seed: int) -> None:
    sides = people(12, seed)
    u, rest = sides.take([0]), sides.take(np.arange(1, 12))
    price = np.random.default_rng(seed).uniform(0, 2, 11).astype(np.float32)
    product = candidate_vectors(rest, price) @ query_vectors(u)[0]
    alpha, beta = rest.line.T
    own = u.line[0, 1] * (like_logits(u, rest) - u.offset[0])
    back = alpha + beta * like_logits(rest, u) - price
    np.testing.assert_allclose(product, own + back, atol=1e-4)


def test_a_logit_adds_up_score_and_rates_by_the_viewer_s_gender() -> None:
    one = np.ones((1, 2), np.float32)
    line = np.zeros((1, 2), np.float32)
    rates = np.array([0.2], np.float32), np.array([0.7], np.float32)
    man, woman = (Sides.of(one, one, *rates, line, [g], CALIBRATIONS) for g in (1, 2))
    expected = 0.9 * 2 + 1.1 * np.log(0.25) + 0.8 * np.log(7 / 3) + 0.2
    np.testing.assert_allclose(like_logits(man, woman), [expected], rtol=1e-5)
    there, back = like_logits(man, woman), like_logits(woman, man)
    np.testing.assert_allclose(match_scores(man, woman), log_sigmoid(there) + log_sigmoid(back))


def test_log_sigmoid_is_exact_at_both_ends() -> None:
    x = np.array([-90.0, -1.0, 0.0, 1.0, 90.0])
    np.testing.assert_allclose(log_sigmoid(x), -np.logaddexp(0.0, -x), rtol=1e-6, atol=1e-30)
