"""What every engine of `CandidateIndex` must do; `opened` opens a release and its overlay in each.

Held to the brute force of `cli.check`, which shares nothing with `features.eligibility`. The
release is written once, since not every engine opens one quickly.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from features.eligibility import Viewer, person_table, viewer_of
from serving.overlay import Overlay
from tests.serving.conftest import Open
from tests.serving.searched import (
    Opened,
    as_checked,
    best_of,
    eligible_ids,
    ids_of,
    joined,
    query,
    search,
    vector_of,
    viewers,
    written,
)
from tests.serving.worlds import TODAY, World, world

CITY = (37.77, -122.42)
TOGETHER = (-36.85, 174.76)
PENTAGON = (64.7, 10.5)
PLACES = [(90.0, 0.0), (-90.0, 0.0), (0.0, 180.0), (89.9, 179.9), (-17.0, -179.99), PENTAGON]
LIMITS_KM = [1.0, 10.0, 100.0, 5_000.0, 30_000.0]
AGES = [(18, 255), (30, 34), (40, 39)]


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """Poles, the date line and a pentagon; 201 in one place; a city of 4,000."""
    rng = np.random.default_rng(1)
    city, together = world(rng, 4_000, CITY, 12.0), world(rng, 201, TOGETHER, 0.0)
    for one in (city, together):
        one.table["seeks"], one.table["age_min"], one.table["age_max"] = 14, 18, 99
    together.table["visible"] = True
    parts = [world(rng, 60, place, 30.0) for place in PLACES]
    return written(joined([*parts, city, together]), tmp_path_factory.mktemp("everywhere"))


def citizens(opened: Opened, count: int) -> list[Viewer]:
    """Viewers of the city who see nearly everybody in it."""
    near = np.abs(opened.people.latitude - CITY[0]) < 0.05
    rows = np.flatnonzero(near)[:count].tolist()
    found = [viewer_of(opened.people.table, row) for row in rows]
    return [replace(one, max_distance_km=500.0, age_min=18, age_max=99) for one in found]


@pytest.mark.parametrize("km", LIMITS_KM)
@pytest.mark.parametrize("ages", AGES)
def test_asked_for_everybody_it_returns_exactly_the_eligible(
    opened: Open, everywhere: Opened, km: float, ages: tuple[int, int]
) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    for stored in viewers(everywhere, 25):
        viewer = replace(stored, max_distance_km=km, age_min=ages[0], age_max=ages[1])
        found = search(index, viewer, len(everywhere.people))
        assert sorted(ids_of(found)) == eligible_ids(everywhere.check, viewer).tolist()
        assert found.complete
        assert np.all(np.diff(found.scores) <= 0)


@pytest.mark.parametrize("k", [1, 7, 200])
def test_the_k_best_are_the_k_highest_inner_products(
    opened: Open, everywhere: Opened, k: int
) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    lengths = []
    for viewer in (*viewers(everywhere, 25), *citizens(everywhere, 12)):
        best = best_of(everywhere, viewer)
        found = search(index, viewer, k)
        assert ids_of(found) == best[:k].tolist()
        assert found.complete == (len(best) <= k)
        rows = everywhere.release.rows_of(found.persons.ids)
        np.testing.assert_array_equal(found.persons.rows, rows)
        scores = everywhere.release.arrays.candidate_vectors[rows] @ vector_of(viewer)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
        lengths.append(len(best))
    # Some have far more to choose from than is looked at first, some fewer than they ask for.
    assert min(lengths) < 7 < 1_600 < max(lengths)


def test_complete_means_that_nobody_else_is_eligible(opened: Open, everywhere: Opened) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    viewer = citizens(everywhere, 1)[0]
    count = len(eligible_ids(everywhere.check, viewer))
    assert not search(index, viewer, count - 1).complete
    assert search(index, viewer, count).complete
    more = search(index, viewer, count + 1)
    assert more.complete
    assert len(more.persons) == count


def test_somebody_with_50_000_swipes_gets_a_full_list_of_the_best_others(
    opened: Open, everywhere: Opened
) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    for viewer in citizens(everywhere, 3):
        best = best_of(everywhere, viewer)
        # All the best but a few, people of elsewhere and people whom nobody knows.
        swiped = np.sort(np.concatenate((best[50:1_000], 10_000 + np.arange(50_000))))
        recent = np.sort(best[:50])
        found = search(index, viewer, 200, (swiped, recent))
        assert ids_of(found) == best[1_000:1_200].tolist()
        assert not found.complete
        nearly = search(index, viewer, 200, (np.sort(best[3:]), np.empty(0, np.int64)))
        assert ids_of(nearly) == best[:3].tolist()
        assert nearly.complete


def test_changes_are_searched_as_a_fresh_snapshot_would_be(
    opened: Open, everywhere: Opened
) -> None:
    overlay = Overlay(everywhere.release)
    index = opened(everywhere.release, overlay)
    rng = np.random.default_rng(7)
    people = everywhere.people
    newcomers = world(rng, 60, CITY, 10.0, first_id=9_001)
    everybody = World(
        np.concatenate((people.table, newcomers.table)),
        np.concatenate((people.latitude, newcomers.latitude)),
        np.concatenate((people.longitude, newcomers.longitude)),
        np.concatenate((people.cell, newcomers.cell)),
    )
    moved, hidden, banned, erased = rng.permutation(len(people))[:400].reshape(4, 100)
    everybody.table["gender"][moved] = rng.integers(1, 4, 100)
    everybody.table["birth_day"][moved] -= 400
    for row in (*moved.tolist(), *range(len(people), len(everybody))):
        overlay.put(everybody.table[row : row + 1], 2, TODAY)
    for person in everybody.table["person_id"][hidden].tolist():
        overlay.hide(person, 2)
    overlay.withdraw(everybody.table["person_id"][banned].tolist())
    for person in everybody.table["person_id"][banned[:50]].tolist():
        overlay.restore(person)
    for person in everybody.table["person_id"][erased].tolist():
        overlay.erase(person)
    for gone in (hidden, banned[50:], erased):
        everybody.table["visible"][gone] = False
    now = replace(everywhere, people=everybody, check=as_checked(everybody))
    for viewer in (*viewers(now, 20), *citizens(now, 5)):
        found = search(index, viewer, len(everybody))
        assert sorted(ids_of(found)) == eligible_ids(now.check, viewer).tolist()
        assert search(index, viewer, 20).persons.ids.tolist() == ids_of(found)[:20]


def test_people_who_score_the_same_come_in_the_order_of_their_ids(
    opened: Open, everywhere: Opened
) -> None:
    overlay = Overlay(everywhere.release)
    index = opened(everywhere.release, overlay)
    ids = 20_000 + np.random.default_rng(8).permutation(300)
    for person in ids.tolist():
        overlay.put(alike(person), 1, TODAY)
    viewer = viewer_of(alike(9_999), 0)
    assert ids_of(search(index, viewer, 1_000)) == sorted(ids.tolist())
    assert ids_of(search(index, viewer, 7)) == sorted(ids.tolist())[:7]


async def test_likers_who_are_eligible_stand_behind_the_k_best(
    opened: Open, everywhere: Opened
) -> None:
    overlay = Overlay(everywhere.release)
    index = opened(everywhere.release, overlay)
    everybody = everywhere.check.person
    for viewer in citizens(everywhere, 3):
        best = best_of(everywhere, viewer)
        swiped, banned = best[-5:-3], best[-7:-5]
        overlay.withdraw(banned.tolist())
        # The last of all, some of the first, everybody who is not eligible, and nobody known.
        strangers = np.setdiff1d(everybody, best)
        likers = np.concatenate((best[-10:], best[:3], best[40:44], strangers, [77_777]))
        asked = query(viewer, 40, (np.sort(swiped),), likers.tolist())
        found = index.search(asked)
        assert ids_of(found) == [*best[:44].tolist(), *best[-10:-7].tolist(), *best[-3:].tolist()]
        assert not found.complete
        rows = everywhere.release.rows_of(found.persons.ids)
        np.testing.assert_array_equal(found.persons.rows, rows)
        columns = everywhere.release.arrays.columns[rows]
        np.testing.assert_array_equal(found.persons.gender, columns["gender"])
        np.testing.assert_array_equal(found.persons.birth_day, columns["birth_day"])
        scores = everywhere.release.arrays.candidate_vectors[rows] @ vector_of(viewer)
        np.testing.assert_allclose(found.scores, scores, rtol=1e-5, atol=1e-5)
        assert ids_of(await index.retrieve(asked)) == ids_of(found)
        for person in banned.tolist():
            overlay.restore(person)


def test_where_k_reaches_everybody_likers_change_nothing(opened: Open, everywhere: Opened) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    everybody: list[int] = everywhere.check.person.tolist()
    for viewer in (*viewers(everywhere, 10), *citizens(everywhere, 2)):
        count = max(1, len(eligible_ids(everywhere.check, viewer)))
        with_them = search(index, viewer, count, likers=everybody)
        assert with_them.complete
        assert ids_of(with_them) == ids_of(search(index, viewer, count))


def test_newcomers_who_like_are_found_unless_they_are_gone(
    opened: Open, everywhere: Opened
) -> None:
    overlay = Overlay(everywhere.release)
    index = opened(everywhere.release, overlay)
    people = [*range(30_001, 30_041)]
    for person in people:
        overlay.put(alike(person), 1, TODAY)
    viewer = viewer_of(alike(9_999), 0)
    overlay.withdraw([30_010])
    overlay.hide(30_011, 2)
    overlay.erase(30_012)
    seen = np.array([30_013])
    likers = [30_001, *range(30_008, 30_020), 40_000]
    expected = [*people[:5], 30_008, 30_009, *range(30_014, 30_020)]
    assert ids_of(search(index, viewer, 5, (seen,), likers)) == expected


def alike(person: int) -> npt.NDArray[np.void]:
    """A newcomer far from everybody, in nothing different from the others."""
    return person_table(
        [person], [-48.9], [-123.4], birth_day=TODAY - 12_000, gender=1, seeks=2,
        age_min=18, age_max=99, max_distance_km=50.0,
    )  # fmt: skip


def test_where_nobody_lives_there_is_nobody(opened: Open, everywhere: Opened) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    found = search(index, viewer_of(alike(9_999), 0), 200)
    assert ids_of(found) == []
    assert found.complete


async def test_in_an_event_loop_it_answers_the_same(opened: Open, everywhere: Opened) -> None:
    index = opened(everywhere.release, Overlay(everywhere.release))
    for viewer in citizens(everywhere, 3):
        asked = query(viewer, 200)
        assert ids_of(await index.retrieve(asked)) == ids_of(index.search(asked))


def test_where_everybody_is_dead_there_is_nobody(opened: Open, everywhere: Opened) -> None:
    everyone: list[int] = everywhere.check.person.tolist()
    index = opened(everywhere.release, Overlay(everywhere.release, everyone))
    for viewer in citizens(everywhere, 3):
        found = search(index, viewer, 200)
        assert ids_of(found) == []
        assert found.complete


@pytest.mark.parametrize("count", [1, 40])
def test_a_release_that_shows_nobody_finds_only_who_came_since(
    opened: Open, tmp_path: Path, count: int
) -> None:
    people = world(np.random.default_rng(9), count, spread_km=5.0)
    people.table["visible"], people.table["seeks"], people.table["gender"] = False, 2, 1
    one = written(people, tmp_path)
    overlay = Overlay(one.release)
    index = opened(one.release, overlay)
    viewer = viewer_of(alike(9_999), 0)
    assert ids_of(search(index, viewer, 200)) == []
    overlay.put(alike(9_001), 1, TODAY)
    found = search(index, viewer, 200)
    assert ids_of(found) == [9_001]
    assert found.complete
