"""The index returns exactly the eligible people, best first: held to brute force."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.eligibility import Candidates, Viewer, eligible, person_table, viewer_of
from features.release import Release
from serving.index import ExactIndex, Query, Retrieved
from serving.overlay import Overlay
from tests.serving.worlds import TODAY, D, World, world, write_world

PLACES = [
    (37.77, -122.42),
    (90.0, 0.0),
    (-90.0, 0.0),
    (0.0, 180.0),
    (64.7, 10.5),
    (89.9, 179.9),
    (-17.0, -179.99),
]
NOBODY: tuple[npt.NDArray[np.int64], ...] = ()


def search(
    index: ExactIndex, viewer: Viewer, k: int, seen: Sequence[npt.NDArray[np.int64]] = NOBODY
) -> Retrieved:
    vector = np.random.default_rng(viewer.person_id).normal(size=2 * D + 3).astype(np.float32)
    return index.search(Query(viewer, TODAY, vector, tuple(seen), k))


def brute_force(table: npt.NDArray[np.void], viewer: Viewer) -> set[int]:
    mask = eligible(viewer, Candidates.of(table), TODAY)
    return set(table["person_id"][mask].tolist())


def opened(people: World, rng: np.random.Generator, folder: str) -> tuple[Release, Overlay]:
    release = write_world(Path(folder) / "1", people, rng)
    return release, Overlay(release)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    place=st.sampled_from(PLACES),
    n=st.integers(1, 300),
    spread=st.sampled_from([0.5, 20.0, 200.0, 3000.0]),
)
def test_asked_for_everybody_it_returns_exactly_the_eligible(
    seed: int, place: tuple[float, float], n: int, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    people = world(rng, n, place, spread)
    with TemporaryDirectory() as folder:
        release, overlay = opened(people, rng, folder)
        index = ExactIndex(release, overlay)
        for row in range(0, n, max(1, n // 7)):
            viewer = viewer_of(people.table, row)
            found = search(index, viewer, n + 1)
            assert set(found.persons.ids.tolist()) == brute_force(people.table, viewer)
            assert found.complete


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), k=st.integers(1, 40))
def test_the_k_best_are_the_k_highest_inner_products(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    people = world(rng, 250, spread_km=10.0)
    with TemporaryDirectory() as folder:
        release, overlay = opened(people, rng, folder)
        index = ExactIndex(release, overlay)
        viewer = viewer_of(people.table, int(rng.integers(250)))
        everybody, best = search(index, viewer, 1000), search(index, viewer, k)
        assert best.persons.ids.tolist() == everybody.persons.ids.tolist()[:k]
        assert np.all(np.diff(everybody.scores) <= 0)
        assert best.complete == (len(everybody.persons) <= k)
        vectors = release.arrays.candidate_vectors[everybody.persons.rows]
        query = np.random.default_rng(viewer.person_id).normal(size=2 * D + 3).astype(np.float32)
        np.testing.assert_allclose(everybody.scores, vectors @ query, rtol=1e-5, atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nobody_seen_comes_back_and_nobody_else_is_lost(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = world(rng, 200, spread_km=10.0)
    with TemporaryDirectory() as folder:
        release, overlay = opened(people, rng, folder)
        index = ExactIndex(release, overlay)
        row = int(rng.integers(200))
        viewer = viewer_of(people.table, row)
        recent = np.sort(rng.choice(people.table["person_id"], 20, replace=False))
        found = search(index, viewer, 1000, (release.seen_by(row), recent))
        seen = {*release.seen_by(row).tolist(), *recent.tolist()}
        assert set(found.persons.ids.tolist()) == brute_force(people.table, viewer) - seen


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32), place=st.sampled_from(PLACES))
def test_changes_over_the_snapshot_are_searched_as_a_fresh_snapshot_would_be(
    seed: int, place: tuple[float, float]
) -> None:
    rng = np.random.default_rng(seed)
    before = world(rng, 120, place, 30.0)
    after = world(rng, 160, place, 30.0)
    changed = rng.choice(after.table["person_id"], 60, replace=False)
    withdrawn, erased = rng.choice(160, (2, 10), replace=False) + 1
    lifted = withdrawn[:3]
    with TemporaryDirectory() as folder:
        release, overlay = opened(before, rng, folder)
        index = ExactIndex(release, overlay)
        now = {row["person_id"]: row for row in before.table}
        for person in changed:
            row = after.table[after.table["person_id"] == person]
            overlay.put(row, 2, TODAY)
            now[person] = row[0]
        overlay.withdraw(withdrawn.tolist())
        for person in lifted.tolist():
            overlay.restore(person)
        for person in erased.tolist():
            overlay.erase(person)
        gone = {*withdrawn.tolist(), *erased.tolist()} - set(lifted.tolist()) | set(erased.tolist())
        table = np.array([row for person, row in now.items() if person not in gone])
        for row in range(0, 160, 20):
            viewer = viewer_of(after.table, row)
            found = search(index, viewer, 1000)
            assert sorted(found.persons.ids.tolist()) == sorted(brute_force(table, viewer))


def test_an_older_version_of_a_person_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    people = world(rng, 5)
    release = write_world(tmp_path / "1", people, rng)
    overlay = Overlay(release)
    overlay.put(_at(99, 10.0, 10.0), 3, TODAY)
    overlay.put(_at(99, 20.0, 20.0), 2, TODAY)
    overlay.hide(99, 1)
    assert overlay.current().candidates.z[0] == pytest.approx(np.sin(np.radians(10.0)))
    assert overlay.current().candidates.visible[0]


def test_somebody_who_lost_their_place_is_found_no_more(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    release = write_world(tmp_path / "1", world(rng, 5), rng)
    overlay = Overlay(release)
    index = ExactIndex(release, overlay)
    overlay.put(_at(99, 10.0, 10.0), 1, TODAY)
    viewer = viewer_of(_at(100, 10.0, 10.0), 0)
    assert search(index, viewer, 10).persons.ids.tolist() == [99]
    overlay.hide(99, 2)
    assert search(index, viewer, 10).persons.ids.tolist() == []


def test_two_hundred_in_one_cell_are_all_found(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    people = world(rng, 201, spread_km=0.0)
    people.table["gender"], people.table["seeks"] = 1, 2
    people.table["age_min"], people.table["age_max"] = 18, 99
    people.table["visible"] = True
    index = ExactIndex(write_world(tmp_path / "1", people, rng), overlay := _overlay(tmp_path))
    assert len(overlay) == 0
    found = search(index, viewer_of(people.table, 0), 200)
    assert len(found.persons) == 200
    assert found.complete


def test_an_empty_region_gives_nobody(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    index = ExactIndex(write_world(tmp_path / "1", world(rng, 50), rng), _overlay(tmp_path))
    found = search(index, viewer_of(_at(999, -48.9, -123.4), 0), 200)
    assert len(found.persons) == 0
    assert found.complete


def test_one_person_alone_does_not_find_themselves(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    people = world(rng, 1)
    people.table["visible"], people.table["seeks"] = True, 14
    index = ExactIndex(write_world(tmp_path / "1", people, rng), _overlay(tmp_path))
    assert len(search(index, viewer_of(people.table, 0), 10).persons) == 0


def test_a_person_who_came_after_the_release_has_the_vector_of_their_band(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    release = write_world(tmp_path / "1", world(rng, 5), rng)
    overlay = Overlay(release)
    overlay.put(_at(99, 10.0, 10.0), 1, TODAY)
    appeal = release.arrays.cold_start["appeal"][2]
    np.testing.assert_allclose(overlay.current().vectors[0, :D], appeal, rtol=1e-6)


def _overlay(folder: Path) -> Overlay:
    return Overlay(Release.open(folder / "1"))


def _at(person: int, latitude: float, longitude: float) -> npt.NDArray[np.void]:
    """A man of 31 who seeks everybody."""
    return person_table(
        [person],
        [latitude],
        [longitude],
        birth_day=TODAY - 31 * 365 - 50,
        gender=1,
        seeks=14,
        age_min=18,
        age_max=99,
        max_distance_km=100.0,
    )
