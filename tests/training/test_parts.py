"""Standing, lines and temperature, each against a known answer."""

from dataclasses import replace

import numpy as np

from features.behaviour import GENDERS
from features.ranker import Network, heads_of, width_of
from features.score import Calibration, Sides, candidate_vectors, log_sigmoid, query_vectors
from tests.training.worlds import UNTIL, market
from training.datasets import Swipes, datasets_of
from training.exposure import DECK_SIZE, KEPT, choose_tau
from training.lines import fit_lines
from training.standing import fit_standing


def test_who_is_shown_to_the_choosy_is_not_held_unloved() -> None:
    rng = np.random.default_rng(0)
    n, m = 400, 60_000
    readiness = np.where(np.arange(n) < n // 2, -1.5, 1.5)
    appeal = rng.normal(0, 1.0, n)
    viewer = rng.integers(0, n, m)
    # The first half is shown to the choosy nine times of ten.
    half = np.where(rng.random(m) < 0.9, viewer < n // 2, viewer >= n // 2)
    candidate = np.where(half, rng.integers(0, n // 2, m), rng.integers(n // 2, n, m))
    p = 1 / (1 + np.exp(-(readiness[viewer] + appeal[candidate])))
    action = np.where(rng.random(m) < p, 1, 2).astype(np.uint8)
    swipes = Swipes(viewer, candidate, action, np.arange(m), np.full(m, np.nan, np.float32))
    standing = fit_standing(swipes, np.ones((n, 1)))
    assert np.corrcoef(standing.appeal.effect, appeal)[0, 1] > 0.97
    assert np.corrcoef(standing.readiness.effect, readiness)[0, 1] > 0.97
    plain = np.bincount(candidate, action == 1, n) / np.bincount(candidate, minlength=n)
    assert np.corrcoef(plain, appeal)[0, 1] < 0.95


def test_a_line_follows_log_sigma_where_good_candidates_lie() -> None:
    world = market(people=300)
    people = datasets_of(world.profiles, world.swipes, UNTIL, UNTIL).people
    rng = np.random.default_rng(0)
    n = len(people)
    taste, appeal = rng.normal(0, 0.7, (2, n, 4)).astype(np.float32)
    given, received = rng.uniform(0.1, 0.9, (2, n)).astype(np.float32)
    plain = {g: Calibration(1.0, 1.0, 1.0, 0.0) for g in GENDERS}
    no_line = np.zeros((n, 2), np.float32)
    sides = Sides.of(taste, appeal, given, received, no_line, people.gender, plain)
    lines = fit_lines(people, sides, Network.nothing(width_of(4)), 20_000, rng)
    assert lines.fitted.all()
    assert np.all((lines.line[:, 1] > 0) & (lines.line[:, 1] < 1))
    x = sides.k[0] * taste[0] @ appeal.T + sides.offset[0] + sides.received_logit
    near = np.abs(lines.line[0, 0] + lines.line[0, 1] * x - log_sigmoid(x))
    assert np.median(near[people.gender != people.gender[0]]) < 0.35


def test_lines_by_the_ranker_retrieve_whom_the_ranker_puts_first() -> None:
    world = market(people=600)
    people = datasets_of(world.profiles, world.swipes, UNTIL, UNTIL).people
    rng = np.random.default_rng(0)
    n, d = len(people), 4
    taste, appeal = rng.normal(0, 0.7, (2, n, d)).astype(np.float32)
    given, received = rng.uniform(0.1, 0.9, (2, n)).astype(np.float32)
    plain = {g: Calibration(1.0, 1.0, 1.0, 0.0) for g in GENDERS}
    no_line = np.zeros((n, 2), np.float32)
    sides = Sides.of(taste, appeal, given, received, no_line, people.gender, plain)
    # The picky are worth more than the calibration knows, whoever looks.
    linear = np.zeros(width_of(d), np.float32)
    linear[4] = 1.0
    ranker = replace(Network.nothing(width_of(d)), linear=linear)

    def recall(by: Network) -> float:
        line = fit_lines(people, sides, by, 20_000, np.random.default_rng(1)).line
        lined = replace(sides, line=line)
        found = 0
        for row in range(0, n, 10):
            rows = np.flatnonzero(people.gender != people.gender[row])
            viewer, candidates = lined.take([row]), lined.take(rows)
            score = heads_of(ranker, viewer, candidates).log_match()
            near = (
                candidate_vectors(candidates, np.zeros(len(rows), np.float32))
                @ query_vectors(viewer)[0]
            )
            found += np.isin(np.argsort(-score)[:20], np.argsort(-near)[:40]).sum()
        return float(found / (20 * len(range(0, n, 10))))

    assert recall(ranker) > 0.9
    assert recall(ranker) > recall(Network.nothing(width_of(d))) + 0.1


def test_people_with_nobody_around_get_the_line_of_the_others() -> None:
    world = market(people=200)
    people = datasets_of(world.profiles, world.swipes, UNTIL, UNTIL).people
    people.table["visible"][:] = False
    n = len(people)
    zeros, half = np.zeros((n, 2), np.float32), np.full(n, 0.5, np.float32)
    plain = {g: Calibration(1.0, 1.0, 1.0, 0.0) for g in GENDERS}
    sides = Sides.of(zeros, zeros, half, half, zeros, people.gender, plain)
    lines = fit_lines(people, sides, Network.nothing(width_of(1)), 20_000, np.random.default_rng(0))
    assert not lines.fitted.any()
    np.testing.assert_allclose(lines.line, np.tile([-np.log(2), 0.5], (n, 1)), rtol=1e-6)


def test_tau_is_the_largest_that_keeps_the_expected_matches() -> None:
    rng = np.random.default_rng(0)
    scores = [rng.normal(-3, 1, 200).astype(np.float32) for _ in range(40)]
    tau = choose_tau(scores, np.random.default_rng(1))

    def kept(tau: float) -> float:
        drawn = greedy = 0.0
        for s in scores:
            noise = rng.gumbel(size=(50, len(s)))
            top = np.argsort(-(s / tau + noise), axis=1)[:, :DECK_SIZE]
            drawn += np.exp(s[top]).sum() / 50
            greedy += np.exp(np.sort(s)[::-1][:DECK_SIZE]).sum()
        return drawn / greedy

    assert kept(tau) > KEPT - 0.01
    assert kept(1.6 * tau) < KEPT


def test_without_viewers_tau_is_cautious() -> None:
    assert choose_tau([], np.random.default_rng(0)) == 0.01
