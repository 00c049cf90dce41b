"""Who joined after the release is found, and scored, by what they say of themselves."""

from pathlib import Path

import numpy as np
import pytest

from features.behaviour import logit
from features.eligibility import viewer_of
from features.profile_code import Profiles
from features.release import Release
from features.said_rows import profiles_of_attributes
from features.score import Sides, candidate_vectors, like_logits
from serving.index import ExactIndex
from serving.newcomers import Newcomers
from serving.overlay import Overlay
from serving.people import Fresh, Persons, sides_of
from tests.serving.test_index import _at, search
from tests.serving.worlds import CALIBRATIONS, TODAY, D, world, write_world

_BORN = TODAY - 31 * 365 - 50


@pytest.fixture
def release(tmp_path: Path) -> Release:
    rng = np.random.default_rng(4)
    return write_world(tmp_path / "1", world(rng, 50), rng)


def _says(*attributes: dict[str, str]) -> Profiles:
    """Men of 31."""
    n = len(attributes)
    return profiles_of_attributes(
        np.full(n, 1, np.uint8), np.full(n, _BORN, np.int32), list(attributes)
    )


def _persons(release: Release, *ids: int) -> Persons:
    n = len(ids)
    found = np.array(ids, np.int64)
    return Persons(
        found, release.rows_of(found), np.full(n, 1, np.uint8), np.full(n, _BORN, np.int32)
    )


def test_the_vector_of_a_newcomer_is_of_what_they_say(release: Release) -> None:
    overlay = Overlay(release)
    said = _says({"body_type": "thin", "diet": "vegan"})
    overlay.put(_at(99, 10.0, 10.0), 1, TODAY, said)
    (row,) = release.expected(said)
    tables = {name: row[name][None] for name in row.dtype.names}
    sides = Sides.of(**tables, gender=[1], calibrations=CALIBRATIONS)
    expected = candidate_vectors(sides, np.zeros(1, np.float32))
    np.testing.assert_allclose(overlay.current().vectors, expected, rtol=1e-5)


def test_newcomers_are_retrieved_at_once_and_in_the_order_of_their_profiles(
    release: Release,
) -> None:
    overlay = Overlay(release)
    kinds: tuple[dict[str, str], ...] = (
        {"body_type": "thin"},
        {"body_type": "athletic"},
        {"diet": "vegan"},
        {},
    )
    for person, kind in enumerate(kinds, start=101):
        overlay.put(_at(person, 10.0, 10.0), 1, TODAY, _says(kind))
    found = search(ExactIndex(release, overlay), viewer_of(_at(7_000, 10.0, 10.0), 0), 10)
    assert sorted(found.persons.ids.tolist()) == [101, 102, 103, 104]
    vectors = overlay.current().vectors
    assert len(np.unique(vectors[:, :D], axis=0)) == 4


def test_without_a_profile_heard_it_is_the_means_of_the_band(release: Release) -> None:
    newcomers = Newcomers(release)
    newcomers.hear(np.array([101]), _says({"body_type": "thin"}))
    sides = sides_of(release, _persons(release, 101, 102), TODAY, newcomers=newcomers)
    (expected,), band = release.expected(_says({"body_type": "thin"})), release.arrays.cold_start[2]
    assert sides.received_logit == pytest.approx(
        logit([expected["received_rate"], band["received_rate"]]), abs=1e-5
    )
    np.testing.assert_allclose(sides.taste, [expected["taste"], band["taste"]], rtol=1e-6)


def test_of_people_of_the_release_nothing_is_kept(release: Release) -> None:
    newcomers = Newcomers(release)
    known = int(release.arrays.person_id[3])
    newcomers.hear(np.array([known, 101]), _says({"body_type": "thin"}, {}))
    assert len(newcomers) == 1
    sides = sides_of(release, _persons(release, known), TODAY, newcomers=newcomers)
    np.testing.assert_array_equal(sides.taste[0], release.arrays.taste[3])


def test_an_older_version_changes_nothing_of_what_is_said(release: Release) -> None:
    overlay = Overlay(release)
    overlay.put(_at(99, 10.0, 10.0), 2, TODAY, _says({"body_type": "thin"}))
    before = overlay.current().vectors.copy()
    overlay.put(_at(99, 10.0, 10.0), 1, TODAY, _says({"body_type": "athletic"}))
    np.testing.assert_array_equal(overlay.current().vectors, before)
    overlay.put(_at(99, 10.0, 10.0), 3, TODAY, _says({"body_type": "athletic"}))
    assert not np.array_equal(overlay.current().vectors, before)


def test_nothing_stays_of_who_was_erased(release: Release) -> None:
    overlay = Overlay(release)
    overlay.put(_at(99, 10.0, 10.0), 1, TODAY, _says({"body_type": "thin"}))
    overlay.erase(99)
    assert len(overlay.newcomers) == 0


def test_attributes_of_no_sense_are_as_if_nothing_were_said(release: Release) -> None:
    strange = {"body_type": "NaN", "height_cm": "nan", "diet": "of stones", "wings": "two"}
    one, other = release.expected(_says(strange, {}))
    assert one == other


def test_fresh_features_come_before_what_is_expected(release: Release) -> None:
    newcomers = Newcomers(release)
    newcomers.hear(np.array([101]), _says({"body_type": "thin"}))
    no_photos = np.zeros((1, 0), np.float32)
    taste = np.ones((1, D), np.float32)
    fresh = Fresh(taste, np.array([0.25]), np.array([0.75]), no_photos, no_photos)
    sides = sides_of(release, _persons(release, 101), TODAY, fresh, newcomers)
    assert sides.taste.tolist() == [[1.0] * D]
    assert sides.received_logit == pytest.approx(logit([0.75]))
    # Who they are to others is still of the profile.
    (expected,) = release.expected(_says({"body_type": "thin"}))
    np.testing.assert_allclose(sides.appeal[0], expected["appeal"], rtol=1e-6)
    assert np.isfinite(like_logits(sides, sides)).all()
