"""The overlay by batches is what it would be one by one; it overflows without losing anybody."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from features.eligibility import viewer_of
from features.release import Release
from serving.index import ExactIndex
from serving.live import SHARE, Live
from serving.overlay import Overlay
from tests.serving.test_index import brute_force, search
from tests.serving.worlds import TODAY, World, world, write_world

Table = npt.NDArray[np.void]


def opened(people: World, folder: str | Path) -> Release:
    return write_world(Path(folder) / "1", people, np.random.default_rng(7))


def put(overlay: Overlay, people: Table, version: int) -> None:
    overlay.put_many(people, np.full(len(people), version), TODAY)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([1, 7, 100]))
def test_batches_with_late_and_repeated_versions_leave_the_newest_state_of_everybody(
    seed: int, size: int
) -> None:
    rng = np.random.default_rng(seed)
    before = world(rng, 60, spread_km=20.0)
    # Half of them are in the release; some go back to what they were there.
    states = np.concatenate((world(rng, 120, spread_km=20.0).table, before.table))
    newest: dict[int, tuple[int, npt.NDArray[np.void]]] = {}
    withdrawn: set[int] = set()
    erased: set[int] = set()
    with TemporaryDirectory() as folder:
        release = opened(before, folder)
        overlay = Overlay(release)
        index = ExactIndex(release, overlay)
        for _ in range(6):
            chosen = states[rng.integers(0, len(states), size)]
            versions = rng.choice(10_000, size, replace=False)
            overlay.put_many(chosen, versions, TODAY)
            if rng.random() < 0.3:
                overlay.put_many(chosen, versions, TODAY)
            for row, version in zip(chosen, versions.tolist(), strict=True):
                person = int(row["person_id"])
                if version > newest.get(person, (-1, row))[0] and person not in erased:
                    newest[person] = (version, row)
            banned, lifted, gone = rng.integers(1, 121, 3).tolist()
            overlay.withdraw([banned])
            overlay.restore(lifted)
            overlay.erase(gone)
            withdrawn = (withdrawn | {banned}) - {lifted}
            erased.add(gone)
        now = {int(row["person_id"]): row for row in before.table}
        now.update({person: row for person, (_, row) in newest.items()})
        there = [row for person, row in now.items() if person not in withdrawn | erased]
        table = np.array(there, before.table.dtype)
        for row in range(0, 60, 6):
            viewer = viewer_of(before.table, row)
            found = search(index, viewer, 1000).persons.ids.tolist()
            assert sorted(found) == sorted(brute_force(table, viewer))


def test_an_overlay_ten_times_the_snapshot_is_exact_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = np.random.default_rng(3)
    before = world(rng, 100, spread_km=20.0)
    after = world(rng, 1_000, spread_km=20.0)
    release = opened(before, tmp_path)
    overlay = Overlay(release)
    # Nobody is decided about, so Redis is not asked.
    live = Live("overflowing", overlay, lambda: TODAY, Redis())
    for start in range(0, 1_000, 100):
        part = after.table[start : start + 100]
        live.put(part, np.ones(len(part), np.int64))
    complaints = [r for r in caplog.records if "overflowed" in r.message]
    assert [r.levelname for r in complaints] == ["ERROR"]
    shown = int(after.table["visible"].sum())
    assert len(overlay) == shown
    assert SHARE.labels("overflowing")._value.get() == pytest.approx(shown / 100)
    live.close()
    index = ExactIndex(release, overlay)
    for row in range(0, 1_000, 100):
        viewer = viewer_of(after.table, row)
        found = search(index, viewer, 10_000).persons.ids.tolist()
        assert sorted(found) == sorted(brute_force(after.table, viewer))


def test_vectors_follow_their_people_through_the_buffer(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    release = opened(world(rng, 40, spread_km=20.0), tmp_path)
    moved = world(rng, 80, spread_km=20.0)
    moved.table["visible"] = True
    overlay = Overlay(release)
    put(overlay, moved.table, 1)
    alone = {}
    for row in range(80):
        one = Overlay(release)
        put(one, moved.table[row : row + 1], 1)
        alone[int(moved.table["person_id"][row])] = one.current().vectors[0].copy()
    leaving = moved.table[rng.permutation(80)[:50]].copy()
    leaving["visible"] = False
    put(overlay, leaving, 2)
    now = overlay.current()
    assert len(now.candidates) == 30
    for slot, person in enumerate(now.candidates.person_id.tolist()):
        np.testing.assert_allclose(now.vectors[slot], alone[person], rtol=1e-6)


def test_who_is_hidden_back_home_or_renamed_takes_no_room(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    people = world(rng, 30, spread_km=20.0)
    people.table["visible"] = True
    release = opened(people, tmp_path)
    overlay = Overlay(release)
    put(overlay, people.table, 1)
    assert (len(overlay), int(overlay.dead.sum())) == (0, 0)
    moved = people.table.copy()
    moved["x"], moved["y"] = people.table["y"], people.table["x"]
    put(overlay, moved, 2)
    assert (len(overlay), int(overlay.dead.sum())) == (30, 30)
    put(overlay, people.table[:10], 3)
    assert (len(overlay), int(overlay.dead.sum())) == (20, 20)
    hidden = moved[10:20].copy()
    hidden["visible"] = False
    put(overlay, hidden, 3)
    assert (len(overlay), int(overlay.dead.sum())) == (10, 20)


def test_nothing_is_kept_of_an_erased_person_and_nothing_brings_them_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    release = opened(world(rng, 5), tmp_path)
    newcomer = world(rng, 1, first_id=99)
    newcomer.table["visible"] = True
    overlay = Overlay(release)
    put(overlay, newcomer.table, 1)
    overlay.erase(99)
    put(overlay, newcomer.table, 2)
    overlay.restore(99)
    assert len(overlay) == 0
    assert not overlay._buffer._vectors.any()


def test_a_batch_with_somebody_impossible_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    release = opened(world(rng, 5), tmp_path)
    some = world(rng, 3, first_id=90)
    some.table["visible"] = True
    some.table["gender"][1] = 200
    overlay = Overlay(release)
    with pytest.raises(IndexError):
        put(overlay, some.table, 1)
    assert len(overlay) == 0
    put(overlay, some.table[[0, 2]], 1)
    assert len(overlay) == 2
