"""From lake tables to a release: what was learned, that it repeats, that it fits together."""

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.behaviour import BANDS
from features.ranker import Network, heads_of, width_of
from features.release import Manifest, Release
from features.score import candidate_vectors
from tests.training.worlds import World, checkerboard, market
from training.build import (
    Evaluation,
    Fitted,
    TrainingSettings,
    assemble,
    calibration_pairs,
    counts_before,
    evaluate,
    fit_from_arrays,
    pair_table,
    with_prices,
    with_ranker,
)
from training.datasets import Datasets, datasets_of

SETTINGS = TrainingSettings()


@dataclass(frozen=True)
class Learned:
    datasets: Datasets
    fitted: Fitted
    evaluation: Evaluation

    def assemble(self, path: Path) -> Manifest:
        places = {"profile.changed": {0: 3}}
        return assemble(self.datasets, self.fitted, self.evaluation, places, path)


def learn(world: World, seed: int = 0) -> Learned:
    datasets = datasets_of(world.profiles, world.swipes, world.now, world.now)
    fitted = with_ranker(datasets, fit_from_arrays(datasets, SETTINGS, seed), seed)
    fitted = with_prices(datasets, fitted, seed)
    return Learned(datasets, fitted, evaluate(datasets, fitted, seed))


@cache
def learned() -> Learned:
    return learn(market(people=500))


def release_at(path: Path) -> Release:
    learned().assemble(path)
    return Release.open(path)


def test_the_hidden_checkerboard_is_found() -> None:
    metrics = learn(checkerboard()).evaluation.metrics()
    assert metrics["auc_learned"] > 0.75
    assert metrics["auc_rates"] < 0.6
    assert metrics["recall_at_20_learned"] > 1.3 * metrics["recall_at_20_random"]


def test_learning_beats_rates_and_rates_beat_popularity() -> None:
    metrics = learned().evaluation.metrics()
    assert metrics["auc_learned"] > metrics["auc_rates"] + 0.005
    assert metrics["auc_rates"] > metrics["auc_popularity"]
    assert metrics["calibration_error"] < 0.06
    assert metrics["retrieval_recall_at_20"] > 0.99


def test_the_truth_is_ranked_better_than_by_popularity() -> None:
    world = market(people=500)
    datasets, fitted, ranker = learned().datasets, learned().fitted, learned().fitted.ranker
    index = datasets.people.table["person_id"] - 1
    truth = world.p_like[np.ix_(index, index)]
    match = truth * truth.T
    sides = fitted.final.sides()
    other = datasets.people.gender[:, None] != datasets.people.gender[None, :]
    popularity = fitted.final.rates.counts[:, 2]
    ours = theirs = 0.0
    for row in range(0, len(index), 5):
        rows = np.flatnonzero(other[row])
        score = heads_of(ranker, sides.take([row]), sides.take(rows)).log_match()
        ours += match[row, rows[np.argsort(-score)[:20]]].sum()
        theirs += match[row, rows[np.argsort(-popularity[rows])[:20]]].sum()
    assert ours > 1.2 * theirs


def test_equal_seeds_make_equal_releases(tmp_path: Path) -> None:
    one = release_at(tmp_path / "1").manifest
    again = learn(market(people=500)).assemble(tmp_path / "2")
    assert again == one


def test_the_release_holds_the_ranker(tmp_path: Path) -> None:
    ranker, fitted = release_at(tmp_path / "1").ranker, learned().fitted
    sides = fitted.final.sides()
    viewer, candidates = sides.take([0]), sides.take(np.arange(1, 100))
    found, expected = (heads_of(each, viewer, candidates) for each in (ranker, fitted.ranker))
    np.testing.assert_array_equal(found.there, expected.there)
    np.testing.assert_array_equal(found.back, expected.back)


def test_what_is_released_is_retrieved_by_its_own_ranker(monkeypatch: pytest.MonkeyPatch) -> None:
    datasets, fitted = learned().datasets, learned().fitted
    nothing = Network.nothing(width_of(fitted.settings.factors.d))
    linear = np.zeros_like(nothing.linear)
    linear[4] = 1.0
    lines = []
    for ranker in (nothing, replace(nothing, linear=linear)):
        monkeypatch.setattr("training.ranker.fitting.fit_ranker", lambda *_, found=ranker: found)
        made = with_ranker(datasets, fitted, 0)
        assert made.ranker is ranker
        lines.append(made.final.line)
    assert np.abs(lines[1] - lines[0]).mean() > 0.1


def test_the_release_holds_the_vectors_of_the_formula(tmp_path: Path) -> None:
    release = release_at(tmp_path / "1")
    fitted = learned().fitted
    expected = candidate_vectors(fitted.final.sides(), fitted.prices.uppermost())
    np.testing.assert_array_equal(release.arrays.candidate_vectors, expected)
    assert release.manifest.bus_positions == {"profile.changed": {0: 3}}
    assert np.all(np.diff(release.arrays.cell.astype(np.int64)) >= 0)


def test_the_stream_s_fold_in_of_the_lake_s_history_is_the_release_s_taste(tmp_path: Path) -> None:
    release = release_at(tmp_path / "1")
    datasets = learned().datasets
    ids = datasets.people.table["person_id"]
    for row in (0, 7, 99):
        mine = datasets.swipes.viewer == row
        candidates = ids[datasets.swipes.candidate[mine]]
        taste = release.fold_in(int(ids[row]), candidates, datasets.swipes.action[mine])
        np.testing.assert_allclose(taste, release.arrays.taste[row], atol=1e-5)


def test_seen_people_are_sorted_ids_of_everybody_swiped(tmp_path: Path) -> None:
    release = release_at(tmp_path / "1")
    datasets = learned().datasets
    ids = datasets.people.table["person_id"]
    for row in (0, 31):
        expected = np.sort(ids[datasets.seen.candidate[datasets.seen.viewer == row]])
        np.testing.assert_array_equal(release.seen_by(row), expected)


def test_who_has_passed_are_sorted_ids_of_who_swiped_without_liking(tmp_path: Path) -> None:
    release = release_at(tmp_path / "1")
    datasets = learned().datasets
    ids, seen = datasets.people.table["person_id"], datasets.seen
    passes = seen.take(~seen.liked)
    for row in (0, 31):
        expected = np.sort(ids[passes.viewer[passes.candidate == row]])
        assert len(expected)
        np.testing.assert_array_equal(release.passed_by(row), expected)
    assert len(release.arrays.passed_rows) == len(passes.viewer) < len(seen.viewer)


def test_rates_at_the_release_s_counts_are_the_release_s(tmp_path: Path) -> None:
    release = release_at(tmp_path / "1")
    a = release.arrays
    rates = release.rates(a.person_id, np.asarray(a.counts))
    np.testing.assert_allclose(rates.given, a.given_rate, atol=2e-3)
    np.testing.assert_allclose(rates.received, a.received_rate, atol=2e-3)


def test_every_band_has_a_cold_start(tmp_path: Path) -> None:
    means = release_at(tmp_path / "1").arrays.cold_start
    assert len(means) == BANDS
    for name in means.dtype.names or ():
        assert np.isfinite(means[name]).all()


def test_pairs_come_with_the_midnight_before_them() -> None:
    datasets = learned().datasets
    pairs = calibration_pairs(datasets, SETTINGS, 0)
    table = pair_table(datasets, pairs)
    midnight = table.column("event_timestamp").cast(pa.int64()).to_numpy()
    assert np.all(midnight % 86_400_000 == 0)
    assert np.all((midnight <= pairs.at_ms) & (pairs.at_ms < midnight + 86_400_000))


def test_counts_before_are_counted_before_the_day() -> None:
    datasets = learned().datasets
    pairs = calibration_pairs(datasets, SETTINGS, 0)
    counts = counts_before(datasets, pairs)
    swipes = datasets.swipes
    for i in (0, len(pairs) // 2, len(pairs) - 1):
        before = swipes.day < pairs.day[i]
        for of, person in (
            (counts.viewer, pairs.viewer[i]),
            (counts.candidate, pairs.candidate[i]),
        ):
            given = before & (swipes.viewer == person)
            received = before & (swipes.candidate == person)
            masks = (given & swipes.liked, given, received & swipes.liked, received)
            np.testing.assert_array_equal(of[i], [mask.sum() for mask in masks])


@pytest.mark.parametrize("people", [60])
def test_a_tiny_market_trains(people: int, tmp_path: Path) -> None:
    learn(market(people=people, swipes_each=15)).assemble(tmp_path / "1")
    arrays = Release.open(tmp_path / "1").arrays
    for name in ("taste", "appeal", "line", "candidate_vectors", "given_rate", "received_rate"):
        assert np.isfinite(getattr(arrays, name)).all()
