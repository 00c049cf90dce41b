"""The references: what they know of pairs, against averages over many chemistries."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import norm

from simulator.tastes import CHEMISTRIES, sigmoid
from simulator.town import Town
from simulator.truthful import Truthful, likes_of_pairs


@cache
def town() -> Town:
    return Town.draw(250, 5, 3)


def test_the_ceiling_averages_over_what_both_have_in_common() -> None:
    it = town()
    pools, market = it.pools, it.market
    likes = likes_of_pairs(market, pools, whole=False)
    picked = np.random.default_rng(0).integers(0, len(pools.candidate), 50)
    viewer, candidate = np.divmod(pools.key[picked], len(pools))
    there, back = market.learnable(viewer, candidate), market.learnable(candidate, viewer)
    every, other = np.divmod(pools.key, len(pools))
    wide = np.sqrt(sum(weight * value**2 for value, weight in CHEMISTRIES))
    assert market.chemistry(every, other).std() == pytest.approx(wide, rel=0.04)
    chemistry = wide * norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    p, q = sigmoid(there + chemistry), sigmoid(back + chemistry)
    np.testing.assert_allclose(np.exp(likes.log_p[picked]), p.mean(axis=0), rtol=2e-3)
    np.testing.assert_allclose(np.exp(likes.log_match[picked]), (p * q).mean(axis=0), rtol=1e-2)
    # Who likes somebody has more of it than anybody.
    assert np.all(likes.log_match[picked] > np.log(p.mean(axis=0) * q.mean(axis=0)))


def test_the_oracle_knows_each_pair() -> None:
    it = town()
    likes = likes_of_pairs(it.market, it.pools, whole=True)
    viewer, candidate = np.divmod(it.pools.key, len(it))
    p = sigmoid(it.market.logits(viewer, candidate))
    np.testing.assert_allclose(np.exp(likes.log_p), p, rtol=1e-4)
    np.testing.assert_allclose(
        np.exp(likes.log_match), p * sigmoid(it.market.logits(candidate, viewer)), rtol=1e-4
    )
    np.testing.assert_allclose(
        likes.back(), it.market.logits(candidate, viewer), rtol=1e-2, atol=1e-3
    )


@pytest.mark.parametrize("whole", [False, True])
def test_bots_come_last(whole: bool) -> None:
    it = town()
    bots = np.zeros(len(it), bool)
    viewer = int(np.argmax(np.diff(it.pools.start)))
    candidates = it.pools.candidate[it.pools.of_viewer(viewer)]
    free = Truthful(it.market, it.pools, bots, it.past, 0, whole=whole)
    first = candidates[free.order(viewer, candidates, 5).places]
    bots[first] = True
    knows = Truthful(it.market, it.pools, bots, it.past, 0, whole=whole)
    order = candidates[knows.order(viewer, candidates, len(candidates)).places]
    assert set(order[-5:].tolist()) == set(first.tolist())
