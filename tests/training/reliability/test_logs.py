"""Logs of a policy that favours some, where the true shares are known by construction."""

import numpy as np
import pytest

from training.reliability.logs import Log, inverse_propensities, rates

_VIEWERS = 3_000


def _log(rng: np.random.Generator) -> Log:
    """Two candidates, one card a viewer. Half of the viewers like both with .9, half with .1, and
    the first candidate is shown to 8 of 10 of the former and to 2 of 10 of the latter; half of the
    decks have it in second position, where half do not look. Both have a share of .5, in truth."""
    generous = np.arange(_VIEWERS) % 2 == 0
    p_first = np.where(generous, 0.8, 0.2)
    candidate = np.where(rng.random(_VIEWERS) < p_first, 0, 1)
    position = rng.integers(0, 2, _VIEWERS)
    seen = (position == 0) | (rng.random(_VIEWERS) < 0.5)
    liked = seen & (rng.random(_VIEWERS) < np.where(generous, 0.9, 0.1))
    propensity = np.where(candidate == 0, p_first, 1.0 - p_first)
    return Log(np.arange(2, _VIEWERS + 2), candidate, position, seen, liked, propensity)


def test_cards_not_looked_at_are_no_passes() -> None:
    found = rates(_log(np.random.default_rng(0)), _VIEWERS + 2)
    assert found["impressions"][:2].mean() < 0.42
    assert found["seen"][:2].mean() == pytest.approx(0.5, abs=0.03)


def test_seen_cards_flatter_whom_the_policy_shows_to_the_generous() -> None:
    found = rates(_log(np.random.default_rng(0)), _VIEWERS + 2)
    assert found["seen"][0] - found["seen"][1] > 0.2
    assert found["seen-by-inverse-propensity"][:2] == pytest.approx(0.5, abs=0.05)


def test_weights_correct_the_standing_too() -> None:
    found = rates(_log(np.random.default_rng(0)), _VIEWERS + 2)
    plain = found["gravity"][0] - found["gravity"][1]
    weighted = found["gravity-by-inverse-propensity"]
    assert plain > 0.2
    assert abs(weighted[0] - weighted[1]) < 0.3 * plain


def test_weights_are_clipped_and_only_of_cards_seen() -> None:
    log = _log(np.random.default_rng(0))
    rare = Log(
        log.viewer,
        log.candidate,
        log.position,
        log.seen,
        log.liked,
        np.where(np.arange(len(log.seen)) == 0, 1e-12, log.propensity),
    )
    weight = inverse_propensities(rare)
    assert (weight[~log.seen] == 0).all()
    assert weight[log.seen].mean() == pytest.approx(1.0)
    assert weight.max() < 25.0


def test_a_log_of_passes_alone_has_low_rates_and_no_nan() -> None:
    log = _log(np.random.default_rng(0))
    passes = Log(
        log.viewer,
        log.candidate,
        log.position,
        log.seen,
        np.zeros_like(log.liked),
        log.propensity,
    )
    for rate in rates(passes, _VIEWERS + 2).values():
        assert np.isfinite(rate).all()
        assert (rate[:2] < 0.05).all()
