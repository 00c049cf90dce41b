"""The stream begins from a newcomer's profile, and goes on from there as swipes come."""

from pathlib import Path

import numpy as np
import pytest
from redis.asyncio import Redis

from contracts import events_pb2 as events
from features import reader
from features.behaviour import rate_after
from features.fold_in import LIKE, PASS
from features.profile_stream import apply_profiles
from features.release import Release
from features.said import read_said
from features.said_rows import profiles_of_changes
from features.stream import apply_swipes
from features.swipe_state import Swipe
from features.views import factors
from tests.features.releases import tiny_release

_NEW = 900


def _profile(person: int, version: int = 1, **attributes: str) -> events.ProfileChanged:
    return events.ProfileChanged(
        person=person,
        version=version,
        birth_day=9_000,
        gender=events.GENDER_WOMAN,
        attributes=attributes,
    )


async def _rates(redis: Redis, person: int) -> tuple[float, float]:
    found = (await reader.read(redis, [factors("7")], [person]))["factors_7"]
    return float(found.numbers("given_rate")[0]), float(found.numbers("received_rate")[0])


def _received(release: Release, change: events.ProfileChanged, likes: int, swipes: int) -> float:
    expected = release.expected(profiles_of_changes([change]))["received_rate"]
    now = np.array([[likes, swipes]])
    return float(rate_after(expected, 0 * now, now, release.manifest.received_prior.swipes)[0])


async def test_rates_go_on_from_what_the_profile_lets_expect(redis: Redis, tmp_path: Path) -> None:
    release, change = tiny_release(tmp_path / "7"), _profile(_NEW, height_cm="171")
    await apply_profiles(redis, [change])
    likes = [Swipe(person, _NEW, LIKE, 1_000 + person, 0, person) for person in (1, 2, 3)]
    await apply_swipes(redis, likes, {"7": release})
    assert (await _rates(redis, _NEW))[1] == pytest.approx(_received(release, change, 3, 3))
    passes = [Swipe(person, _NEW, PASS, 2_000 + person, 0, person) for person in (4, 5)]
    await apply_swipes(redis, passes, {"7": release})
    assert (await _rates(redis, _NEW))[1] == pytest.approx(_received(release, change, 3, 5))


async def test_the_taste_is_folded_in_around_that_of_the_profile(
    redis: Redis, tmp_path: Path
) -> None:
    release, change = tiny_release(tmp_path / "7"), _profile(_NEW, height_cm="171")
    await apply_profiles(redis, [change])
    swipes = [Swipe(_NEW, person, LIKE, 1_000 + person, 0, person) for person in (1, 2, 3)]
    await apply_swipes(redis, swipes, {"7": release})
    found = (await reader.read(redis, [factors("7")], [_NEW]))["factors_7"].lists("taste")
    said = await read_said(redis, [_NEW])
    indptr, liked = np.array([0, 3]), np.array([1, 2, 3])
    actions = np.full(3, LIKE, np.uint8)
    expected = release.fold_in_many([_NEW], indptr, liked, actions, said)
    np.testing.assert_array_equal(found, expected)
    assert not np.array_equal(expected, release.fold_in_many([_NEW], indptr, liked, actions))


async def test_somebody_who_never_said_anything_begins_at_the_mean(
    redis: Redis, tmp_path: Path
) -> None:
    release = tiny_release(tmp_path / "7")
    await apply_swipes(redis, [Swipe(1, _NEW, PASS, 1_000, 0, 1)], {"7": release})
    assert (await _rates(redis, _NEW))[1] == pytest.approx(3.0 / 11.0)


async def test_only_those_with_a_profile_are_read(
    redis: Redis,
) -> None:
    await apply_profiles(redis, [_profile(901, body_type="thin", diet="vegan"), _profile(902)])
    said = await read_said(redis, [903, 902, 901])
    assert said.ids.tolist() == [902, 901]
    assert said.profiles.body_type == [None, "thin"]
    assert said.profiles.attributes == [{}, {"body_type": "thin", "diet": "vegan"}]
    assert said.profiles.gender.tolist() == [2, 2]
    assert np.isnan(said.profiles.height_cm).all()


async def test_people_of_the_release_stay_as_it_knows_them(redis: Redis, tmp_path: Path) -> None:
    release = tiny_release(tmp_path / "7")
    await apply_profiles(redis, [_profile(5, height_cm="171")])
    await apply_swipes(redis, [Swipe(1, 5, LIKE, 1_000, 0, 1)], {"7": release})
    known = release.rates([5], np.array([[0, 0, 1, 1]])).received[0]
    assert (await _rates(redis, 5))[1] == pytest.approx(known)
