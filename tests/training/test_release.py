"""A release is whole or absent, and what was written is what is read."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.behaviour import BANDS, GENDERS, Prior
from features.eligibility import PERSON_DTYPE
from features.fold_in import FoldInParameters
from features.prices import KNOTS
from features.ranker import Network, width_of
from features.release import (
    ARRAYS,
    MANIFEST,
    Manifest,
    Pricing,
    Release,
    ReleaseArrays,
    ReleaseCorrupt,
    ReleaseExists,
    TrainingWindow,
    cold_start_dtype,
    write_release,
)
from features.score import Calibration
from features.tower_rows import tower_shape
from tests.features.releases import NOTHING_SAID

AT = datetime(2026, 3, 1, tzinfo=UTC)


def arrays_of(n: int, d: int, seed: int = 0) -> ReleaseArrays:
    rng = np.random.default_rng(seed)
    ids = rng.permutation(10 * n)[:n].astype(np.int64) + 1
    columns = np.zeros(n, PERSON_DTYPE)
    columns["person_id"] = ids
    factors = rng.normal(size=(3, n, d)).astype(np.float32)
    indptr = np.concatenate(([0], np.cumsum(rng.integers(0, 4, n)))).astype(np.int64)
    return ReleaseArrays(
        person_id=ids,
        columns=columns,
        cell=np.sort(rng.integers(0, 9, n)).astype(np.uint64),
        taste=factors[0],
        taste_prior=factors[1],
        appeal=factors[2],
        given_rate=rng.uniform(0.1, 0.9, n).astype(np.float32),
        received_rate=rng.uniform(0.1, 0.9, n).astype(np.float32),
        counts=np.tile(np.array([3, 10, 2, 9], np.int64), (n, 1)),
        line=np.ones((n, 2), np.float32),
        candidate_vectors=rng.normal(size=(n, 2 * d + 3)).astype(np.float32),
        price_knots=np.sort(rng.normal(size=(n, KNOTS)), axis=1).astype(np.float16),
        price_nats=rng.uniform(0, 2, (n, KNOTS)).astype(np.float16),
        seen_indptr=indptr,
        seen_ids=rng.integers(1, 99, indptr[-1]).astype(np.int64),
        passed_indptr=indptr,
        passed_rows=rng.integers(0, n, indptr[-1]).astype(np.int32),
        cold_start=np.zeros(BANDS, cold_start_dtype(d)),
        towers=np.zeros(tower_shape(NOTHING_SAID, d), np.float32),
        ranker=Network.nothing(width_of(d)).packed(),
    )


def manifest_of(n: int, d: int) -> Manifest:
    return Manifest(
        d=d,
        people=n,
        training_window=TrainingWindow(start=AT, end=AT),
        snapshot_at=AT,
        bus_positions={"profile.changed": {0: 7}},
        features=(),
        fold_in=FoldInParameters(0.0, 1.0, 1.0, 2.0, 1.0),
        given_prior=Prior(2.0, 5.0),
        received_prior=Prior(1.0, 4.0),
        tau=0.1,
        pricing=Pricing(strength=1.0, cards_a_week=140.0, visits_a_week=3.0, exposure=1.0, tau=0.1),
        profile_code=NOTHING_SAID,
        calibration={g: Calibration(1.0, 1.0, 1.0, 0.0) for g in GENDERS},
        evaluation={"auc_learned": 0.8, "recall": None},
        data_hash="d",
        code_hash="c",
        files={},
    )


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 40), d=st.integers(1, 6), seed=st.integers(0, 99))
def test_what_was_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, n: int, d: int, seed: int
) -> None:
    path = tmp_path_factory.mktemp("releases") / "1"
    arrays = arrays_of(n, d, seed)
    written = write_release(path, manifest_of(n, d), arrays)
    release = Release.open(path)
    assert release.manifest == written
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(release.arrays, name), getattr(arrays, name))
    rows = np.arange(n)
    np.testing.assert_array_equal(release.rows_of(arrays.person_id), rows)
    np.testing.assert_array_equal(release.rows_of([-5, 10 * n + 1]), [-1, -1])
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("name", [f"{name}.npy" for name in ARRAYS])
def test_a_changed_or_missing_file_is_noticed(tmp_path: Path, name: str) -> None:
    path = tmp_path / "1"
    write_release(path, manifest_of(5, 2), arrays_of(5, 2))
    whole = (path / name).read_bytes()
    (path / name).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ReleaseCorrupt, match=name):
        Release.open(path)
    (path / name).unlink()
    with pytest.raises(ReleaseCorrupt, match=name):
        Release.open(path)


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"d": 3}, {"people": 6}, {"tau": "hot"}, {"files": {}}, {"more": 1}]
)
def test_a_manifest_that_does_not_fit_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    path = tmp_path / "1"
    write_release(path, manifest_of(5, 2), arrays_of(5, 2))
    manifest = json.loads((path / MANIFEST).read_text()) | change
    (path / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ReleaseCorrupt):
        Release.open(path)


def test_a_folder_without_a_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseCorrupt):
        Release.open(tmp_path)


def test_a_release_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "1"
    write_release(path, manifest_of(5, 2), arrays_of(5, 2))
    with pytest.raises(ReleaseExists):
        write_release(path, manifest_of(5, 2), arrays_of(5, 2, seed=1))


def test_arrays_that_do_not_fit_leave_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ReleaseCorrupt, match="person_id"):
        write_release(tmp_path / "1", manifest_of(6, 2), arrays_of(5, 2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(width_of(3) + 2, 3), (width_of(2) + 2, 2), (7,), ()])
def test_a_ranker_of_other_inputs_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    arrays = replace(arrays_of(5, 2), ranker=np.zeros(shape, np.float32))
    with pytest.raises(ReleaseCorrupt, match="ranker"):
        write_release(tmp_path / "1", manifest_of(5, 2), arrays)


def test_the_ranker_that_was_written_says_what_it_said(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    width, units = width_of(2), 5
    mean, scale, linear = rng.normal(size=(3, width)).astype(np.float32)
    hidden = rng.normal(size=(width, units)).astype(np.float32)
    bias, out = rng.normal(size=(2, units)).astype(np.float32)
    network = Network(mean, scale, linear, hidden, bias, out, 0.25)
    arrays = replace(arrays_of(5, 2), ranker=network.packed())
    write_release(tmp_path / "1", manifest_of(5, 2), arrays)
    inputs = rng.normal(size=(20, width)).astype(np.float32)
    base = rng.normal(size=20).astype(np.float32)
    found = Release.open(tmp_path / "1").ranker.logits(inputs, base)
    np.testing.assert_array_equal(found, network.logits(inputs, base))


def test_rates_go_on_from_the_release_and_from_the_prior(tmp_path: Path) -> None:
    path = tmp_path / "1"
    arrays = arrays_of(5, 2)
    write_release(path, manifest_of(5, 2), arrays)
    release = Release.open(path)
    person, stranger = int(arrays.person_id[0]), 999
    same = release.rates([person, stranger], np.array([[3, 10, 2, 9], [0, 0, 0, 0]]))
    np.testing.assert_allclose(same.given, [arrays.given_rate[0], 0.4], rtol=1e-6)
    np.testing.assert_allclose(same.received, [arrays.received_rate[0], 0.25], rtol=1e-6)
    liked_twice = release.rates([person], np.array([[5, 12, 2, 9]])).given[0]
    np.testing.assert_allclose(liked_twice, (arrays.given_rate[0] * 15 + 2) / 17, rtol=1e-6)


def test_folding_in_skips_people_whom_the_release_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "1"
    arrays = arrays_of(5, 2)
    write_release(path, manifest_of(5, 2), arrays)
    release = Release.open(path)
    person, known = int(arrays.person_id[0]), int(arrays.person_id[1])
    one = release.fold_in(person, np.array([known]), np.array([1], np.uint8))
    two = release.fold_in(person, np.array([997, known]), np.array([2, 1], np.uint8))
    np.testing.assert_array_equal(one, two)
    none = release.fold_in(person, np.array([998]), np.array([1], np.uint8))
    np.testing.assert_array_equal(none, arrays.taste_prior[0])
    stranger = release.fold_in(996, np.zeros(0, np.int64), np.zeros(0, np.uint8))
    np.testing.assert_allclose(stranger, arrays.taste_prior.mean(axis=0), rtol=1e-6)
