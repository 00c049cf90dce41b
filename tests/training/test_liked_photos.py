"""What a space of photos is learned from."""

from datetime import timedelta

import numpy as np
import pytest

from features.photo_embeddings import PeoplesPhotos, photos_of
from tests.training.photo_worlds import with_photos
from tests.training.worlds import World, market
from training import liked_photos as module
from training.datasets import Datasets, datasets_of
from training.liked_photos import NoPhotos, TooFewSwipes, liked_photos

PEOPLE = 200


@pytest.fixture(scope="module")
def world() -> World:
    return market(PEOPLE)


@pytest.fixture(scope="module")
def datasets(world: World) -> Datasets:
    return datasets_of(world.profiles, world.swipes, world.now, world.now)


def photos(world: World, urls_of: dict[int, list[str]]) -> PeoplesPhotos:
    return photos_of(with_photos(world.profiles, urls_of))


def test_a_swipe_counts_for_the_first_photo(world: World, datasets: Datasets) -> None:
    urls_of = {i: [f"/photos/{i % 7}", "/photos/second"] for i in range(1, PEOPLE)}
    found = liked_photos(datasets, photos(world, urls_of))
    assert set(found.urls) == {f"/photos/{n}" for n in range(7)}
    swipes = datasets.swipes.between(datasets.split.start, datasets.split.evaluate)
    ids = datasets.people.table["person_id"]
    has = ids[swipes.candidate] != PEOPLE
    expected = [f"/photos/{i % 7}" for i in ids[swipes.candidate[has]]]
    assert [found.urls[row] for row in found.photo] == expected
    assert found.viewer.tolist() == swipes.viewer[has].tolist()
    assert found.liked.tolist() == swipes.liked[has].tolist()


def test_offsets_are_what_rates_alone_say(world: World, datasets: Datasets) -> None:
    found = liked_photos(datasets, photos(world, {i: ["/a"] for i in range(1, PEOPLE + 1)}))
    assert found.offset.dtype == np.float32
    p = 1 / (1 + np.exp(-found.offset.astype(np.float64)))
    # Right on average, and of use: better than the share of likes alone.
    assert abs(p.mean() - found.liked.mean()) < 0.03
    loss = -np.where(found.liked, np.log(p), np.log(1 - p)).mean()
    share = found.liked.mean()
    assert loss < -(share * np.log(share) + (1 - share) * np.log(1 - share)) - 0.03


def test_photos_that_cannot_be_used_take_their_swipes_with_them(
    world: World, datasets: Datasets
) -> None:
    found = liked_photos(datasets, photos(world, {i: [f"/{i}"] for i in range(1, PEOPLE + 1)}))
    kept = np.arange(0, len(found.urls), 2)
    fewer = found.only(kept)
    assert fewer.urls == found.urls[::2]
    of = [found.urls[row] for row in found.photo if row % 2 == 0]
    assert [fewer.urls[row] for row in fewer.photo] == of
    assert fewer.offset.tolist() == found.offset[found.photo % 2 == 0].tolist()


def test_of_too_many_photos_those_that_were_swiped_most_stay(
    world: World, datasets: Datasets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_PHOTOS", 5)
    monkeypatch.setattr(module, "LEAST_SWIPES", 1)
    every = {i: [f"/{min(i, 20)}"] for i in range(1, PEOPLE + 1)}
    found = liked_photos(datasets, photos(world, every))
    assert len(found.urls) == 5
    assert "/20" in found.urls


def test_what_is_too_little_is_said(world: World, datasets: Datasets) -> None:
    with pytest.raises(NoPhotos, match="nobody who was swiped has a photo"):
        liked_photos(datasets, photos(world, {}))
    with pytest.raises(NoPhotos):
        liked_photos(datasets, photos(world, {987_654: ["/a"]}))
    with pytest.raises(TooFewSwipes, match="1,000 are needed"):
        liked_photos(datasets, photos(world, {1: ["/a"], 2: ["/b"]}))
    found = liked_photos(datasets, photos(world, {i: ["/a"] for i in range(1, PEOPLE + 1)}))
    with pytest.raises(NoPhotos, match="can be used"):
        found.only(np.zeros(0, np.int64))


def test_profiles_of_another_time_know_no_days_that_judge(world: World) -> None:
    later = world.now + timedelta(days=3)
    datasets = datasets_of(world.profiles, world.swipes, later, later)
    found = liked_photos(datasets, photos(world, {i: ["/a"] for i in range(1, PEOPLE + 1)}))
    assert len(found.liked) == len(datasets.swipes.between(0, datasets.split.evaluate))
