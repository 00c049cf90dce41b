"""Tastes in pictures: centred, as wide as they should be, learnable, and never about skin."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.lake_tables import PHOTOS
from simulator import avatars
from simulator.avatar_parts import GROUPS, NAMES, SKIN
from simulator.looks import DEVIATION, NOBODY, Looks, common_appeal
from simulator.population import draw_population
from simulator.portraits import drawings_of
from simulator.tastes import Market

Ints = npt.NDArray[np.int64]
UNTIL = datetime(2024, 3, 1, tzinfo=UTC)
WOMEN = np.arange(avatars.WOMEN)
MEN = np.arange(avatars.WOMEN, avatars.POOL)
SOME = np.arange(40)


@pytest.fixture(scope="module")
def people() -> pa.Table:
    return draw_population(2_000, UNTIL, seed=1)


@pytest.fixture(scope="module")
def market(people: pa.Table) -> Market:
    return Market.draw(people, seed=1)


def test_everybody_shows_one_drawing_of_their_gender_or_none(
    people: pa.Table, market: Market
) -> None:
    counts = pc.list_value_length(people["photos"]).to_numpy()
    assert set(counts) == {0, 1}
    assert np.mean(counts == 0) == pytest.approx(0.05, abs=0.015)
    drawing, woman = market.looks.drawing, people["gender"].to_numpy() == 2
    assert np.array_equal(drawing == NOBODY, counts == 0)
    assert np.array_equal((drawing < avatars.WOMEN)[counts == 1], woman[counts == 1])
    shown = people["photos"][int(np.flatnonzero(counts)[0])].as_py()[0]
    assert shown == {
        "url": avatars.url(int(drawing[counts == 1][0])),
        "blurhash": avatars.blurhash(int(drawing[counts == 1][0])),
        "width": avatars.SIDE,
        "height": avatars.SIDE,
    }


def test_photos_from_elsewhere_are_no_drawings() -> None:
    other = {"url": "https://cdn.example/1.jpg", "blurhash": "", "width": 9, "height": 9}
    own = other | {"url": avatars.url(1_234)}
    photos = pa.chunked_array(
        [pa.array([[other]], PHOTOS), pa.array([[], [own, other], [other, own]], PHOTOS)]
    )
    assert drawings_of(photos).tolist() == [NOBODY, NOBODY, 1_234, NOBODY]


@pytest.mark.parametrize("drawings", [WOMEN, MEN], ids=["women", "men"])
def test_a_taste_is_centred_over_the_drawings_of_a_gender(market: Market, drawings: Ints) -> None:
    table = market.looks.table(np.arange(2_000), drawings)
    assert np.abs(table.mean(axis=1)).max() < 1e-4
    assert np.sqrt(table.var(axis=1).mean()) == pytest.approx(DEVIATION, rel=0.01)


def test_who_has_no_photo_is_neither_liked_nor_disliked_for_it(market: Market) -> None:
    without = np.flatnonzero(market.looks.drawing == NOBODY)[:20]
    assert not market.visual(np.arange(20), without).any()
    assert not common_appeal(np.full(3, NOBODY), np.random.default_rng(0)).any()


def test_the_visual_part_is_that_of_the_logits(market: Market) -> None:
    viewers, candidates = SOME, np.arange(500, 540)
    drawings = market.looks.drawing[candidates]
    visual = market.visual(viewers, candidates)
    assert visual == pytest.approx(market.looks.table(viewers, drawings).diagonal())
    bare = market.looks.drawing.copy()
    bare[candidates] = NOBODY
    blind = Looks(bare, market.looks.taste, market.looks.centre, market.looks.scale)
    unseen = replace(market, looks=blind)
    difference = market.logits(viewers, candidates) - unseen.logits(viewers, candidates)
    assert difference == pytest.approx(visual)


def test_neither_taste_nor_appeal_is_about_skin(market: Market) -> None:
    before = sum(len(group.values) for group in GROUPS[: NAMES.index(SKIN)])
    width = len(GROUPS[NAMES.index(SKIN)].values)
    assert not market.looks.taste[:, before : before + width].any()
    everybody = np.arange(avatars.POOL)
    appeal = common_appeal(everybody, np.random.default_rng(3))
    skin = avatars.codes()[:, NAMES.index(SKIN)]
    means = np.array([appeal[skin == value].mean() for value in range(width)])
    # As much as 300 drawings that differ in everything else leave to chance.
    assert np.abs(means).max() < 4 / np.sqrt(np.bincount(skin).min())


def test_everybody_likes_some_pictures_better(market: Market) -> None:
    everybody = np.arange(avatars.POOL)
    appeal = common_appeal(everybody, np.random.default_rng([1, 5]))
    for drawings in (WOMEN, MEN):
        assert appeal[drawings].mean() == pytest.approx(0.0, abs=1e-6)
        assert appeal[drawings].std() == pytest.approx(1.0, abs=1e-6)
    has = market.looks.drawing != NOBODY
    shown = appeal[market.looks.drawing[has]]
    assert np.corrcoef(shown, market.appeal[has])[0, 1] == pytest.approx(0.25, abs=0.07)


def test_people_share_styles(market: Market) -> None:
    """Tastes over drawings have a few directions in common, so that others' likes tell of one's."""
    table = market.looks.table(np.arange(1_000), WOMEN[:300])
    variance = np.linalg.svd(table, compute_uv=False) ** 2
    assert variance[:8].sum() > 0.6 * variance.sum()


def test_what_is_shown_and_a_taste_make_the_logit(market: Market) -> None:
    looks = market.looks
    n = len(looks.drawing)
    viewers = np.random.default_rng(5).integers(0, n, 500)
    people = np.arange(500)
    assert np.any(looks.drawing[people] == NOBODY)
    made = np.vecdot(looks.taste[viewers].astype(np.float64), looks.shown()[people])
    np.testing.assert_allclose(made, looks.logits(viewers, looks.drawing[people]), atol=1e-5)
