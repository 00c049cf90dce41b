"""The ranker starts as the product of calibrated logits and learns only what that leaves."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from features.ranker import (
    CORE,
    Network,
    core_logits,
    heads_of,
    pair_inputs,
    width_of,
)
from features.score import Calibration, Sides, match_scores
from training.ranker.examples import Examples, by_inverse_propensity, logged_examples
from training.ranker.fitting import LEAST, fit_ranker, split_by_time
from training.ranker.network import Adam, NetworkSettings, fit_epochs, fit_until, log_loss

QUICK = NetworkSettings(members=2, hidden=4, linear_l2=1.0, hidden_l2=1.0, epochs=15)


def people(n: int, seed: int, d: int = 3) -> Sides:
    rng = np.random.default_rng(seed)
    taste, appeal = rng.normal(size=(2, n, d)).astype(np.float32)
    given, received = rng.uniform(0.1, 0.9, (2, n)).astype(np.float32)
    calibrations = {g: Calibration(0.8, 0.9, 1.1, 0.2 * g) for g in (1, 2, 3)}
    gender = rng.integers(1, 4, n)
    line = np.zeros((n, 2), np.float32)
    return Sides.of(taste, appeal, given, received, line, gender, calibrations)


def network(width: int, units: int, seed: int) -> Network:
    rng = np.random.default_rng(seed)

    def some(*shape: int) -> npt.NDArray[np.float32]:
        return rng.normal(size=shape).astype(np.float32)

    scale = np.maximum(np.abs(some(width)), np.float32(0.1))
    linear, hidden = some(width), some(width, units)
    return Network(some(width), scale, linear, hidden, some(units), some(units), bias=0.25)


def halved_world(m: int, seed: int) -> Examples:
    """The base logits are twice too far from 0, and the chosen one's given rate matters too."""
    rng = np.random.default_rng(seed)
    core = rng.normal(size=(m, CORE)).astype(np.float32)
    core[:, 0] *= 2.0
    p = 1.0 / (1.0 + np.exp(-(0.5 * core[:, 0] + 0.8 * core[:, 4])))
    return logged_examples(core, rng.random(m) < p)


def test_without_weights_the_order_is_that_of_the_product() -> None:
    viewer, candidates = people(1, 0), people(30, 1)
    heads = heads_of(Network.nothing(width_of(3)), viewer, candidates)
    np.testing.assert_array_equal(heads.log_match(), match_scores(viewer, candidates))


def test_both_heads_are_the_same_question_from_either_side() -> None:
    us, them, net = people(20, 0), people(20, 1), network(width_of(3), 5, 2)
    ours, theirs = heads_of(net, us, them), heads_of(net, them, us)
    np.testing.assert_allclose(ours.there, theirs.back, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours.back, theirs.there, rtol=1e-5, atol=1e-5)


def test_a_viewer_against_many_is_as_one_by_one() -> None:
    viewer, candidates, net = people(1, 0), people(9, 1), network(width_of(3), 5, 2)
    at_once = heads_of(net, viewer, candidates).log_match()
    single = [heads_of(net, viewer, candidates.take([i])).log_match()[0] for i in range(9)]
    np.testing.assert_allclose(at_once, single, rtol=1e-5, atol=1e-5)


def test_inputs_hold_the_logits_and_the_score_by_directions() -> None:
    viewers, candidates = people(4, 0), people(4, 1)
    core = core_logits(viewers, candidates)
    inputs = pair_inputs(viewers, candidates, core)
    np.testing.assert_array_equal(inputs[:, :CORE], core)
    score = viewers.k * np.vecdot(viewers.taste, candidates.appeal)
    np.testing.assert_allclose(inputs[:, -3:].sum(axis=1), score, rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(width=st.integers(1, 9), units=st.integers(0, 7), seed=st.integers(0, 99))
def test_a_packed_network_says_the_same(width: int, units: int, seed: int) -> None:
    net = network(width, units, seed)
    again = Network.unpacked(net.packed())
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(6, width)).astype(np.float32)
    base = rng.normal(size=6).astype(np.float32)
    np.testing.assert_allclose(net.logits(inputs, base), again.logits(inputs, base), atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), column=st.integers(0, CORE - 1))
def test_nan_in_a_feature_counts_as_its_mean(seed: int, column: int) -> None:
    net = network(CORE, 3, seed)
    inputs = np.random.default_rng(seed).normal(size=(4, CORE)).astype(np.float32)
    base = inputs[:, 0].copy()
    whole = net.logits(inputs, base)
    inputs[1, column] = np.nan
    holed = net.logits(inputs, base)
    inputs[1, column] = net.mean[column]
    np.testing.assert_allclose(holed, net.logits(inputs, base), atol=1e-5)
    np.testing.assert_array_equal(np.delete(holed, 1), np.delete(whole, 1))


def test_nan_in_a_logit_does_not_reach_the_order_of_a_ranker_that_corrects_nothing() -> None:
    viewer, candidates = people(1, 0), people(9, 1)
    candidates.taste[3] = np.nan
    found = heads_of(Network.nothing(width_of(3)), viewer, candidates)
    assert np.isfinite(found.log_match()).all()
    np.testing.assert_array_equal(found.back[3], 0.0)


def test_nan_everywhere_still_gives_a_score() -> None:
    net = network(CORE, 3, 0)
    nothing = np.full((1, CORE), np.nan, np.float32)
    assert np.isfinite(net.logits(nothing, nothing[:, 0])).all()


def test_nan_among_the_examples_does_not_reach_the_weights() -> None:
    world = halved_world(1000, 0)
    world.inputs[::7, 4] = np.nan
    world.base[::11] = np.nan
    fitted = fit_epochs(world, QUICK, 0)
    assert np.isfinite(fitted.packed()).all()


def test_what_the_base_leaves_is_learned() -> None:
    world, fresh = halved_world(6000, 0), halved_world(6000, 1)
    fitted = fit_ranker(world, 0, (replace(QUICK, learning_rate=0.01),))
    before, after = log_loss(Network.nothing(CORE), fresh), log_loss(fitted, fresh)
    truth = 0.5 * fresh.base + 0.8 * fresh.inputs[:, 4]
    best = float(np.mean(np.logaddexp(0.0, truth) - truth * fresh.liked))
    assert after < best + 0.2 * (before - best)


def test_where_the_base_is_the_truth_little_is_changed() -> None:
    rng = np.random.default_rng(0)
    core = rng.normal(size=(4000, CORE)).astype(np.float32)
    world = logged_examples(core, rng.random(4000) < 1.0 / (1.0 + np.exp(-core[:, 0])))
    fitted = fit_ranker(world, 0)
    changed = fitted.logits(world.inputs, world.base) - world.base
    assert np.abs(changed).mean() < 0.15


def test_fitting_stops_at_the_best_epoch_on_later_examples() -> None:
    early, later = split_by_time(halved_world(3000, 0))
    found = fit_until(early, later, replace(QUICK, learning_rate=0.01, epochs=5), 0)
    again = fit_epochs(early, replace(QUICK, learning_rate=0.01, epochs=found.epochs), 0)
    assert found.log_loss == pytest.approx(log_loss(again, later), abs=1e-6)
    assert 1 <= found.epochs <= 5


def test_steps_are_those_of_torch_s_own_class() -> None:
    start = torch.linspace(-1.0, 1.0, 6)
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    descent, optimiser = Adam([ours], 0.1), torch.optim.Adam([theirs], lr=0.1)
    for _ in range(5):
        descent.step((ours**4 - ours).sum())
        optimiser.zero_grad()
        torch.autograd.backward((theirs**4 - theirs).sum())
        optimiser.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start)


def test_fitting_does_without_torch_s_compiler() -> None:
    """Whose import takes as long as torch's own, and leaves a folder behind."""
    program = (
        "import sys; from tests.training.test_ranker import QUICK, fit_epochs, halved_world; "
        "fit_epochs(halved_world(50, 0), QUICK, 0); sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_last_batch_of_an_epoch_is_no_smaller_than_the_others() -> None:
    examples = halved_world(130, 0)
    # One step of 130, not one of 128 and one of 2.
    together = fit_epochs(examples, replace(QUICK, batch=128, epochs=1), 0)
    alone = fit_epochs(examples, replace(QUICK, batch=130, epochs=1), 0)
    np.testing.assert_array_equal(together.linear, alone.linear)


def test_equal_seeds_give_equal_networks() -> None:
    world = halved_world(1500, 0)
    one, two = (fit_epochs(world, QUICK, 4).packed() for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, fit_epochs(world, QUICK, 5).packed())


@pytest.mark.parametrize("liked", [False, True])
def test_only_passes_or_only_likes_change_nothing(liked: bool) -> None:
    world = replace(halved_world(2 * LEAST, 0), liked=np.full(2 * LEAST, liked))
    assert not fit_ranker(world, 0).linear.any()


def test_few_examples_change_nothing() -> None:
    assert not fit_ranker(halved_world(LEAST - 1, 0), 0).linear.any()


def test_weights_are_inverse_propensities_and_one_where_there_is_none() -> None:
    world = halved_world(4, 0)
    propensity = np.array([0.1, 0.2, np.nan, 0.2], np.float32)
    weight = by_inverse_propensity(world, propensity).weight
    np.testing.assert_allclose(weight / weight[1], [2.0, 1.0, 1.0, 1.0])
    assert weight.mean() == pytest.approx(1.0)
