"""Decks of somebody on whom others have passed before the release."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from redis.asyncio import Redis

from cli.check.scores import Scores
from features.likers import BEHIND
from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.signature import Signature
from features.views import factors
from serving.index import ExactIndex
from serving.overlay import Overlay
from serving.people import sides_of
from serving.pipeline import Loaded
from serving.why import typical
from tests.serving.test_likers import VIEWER, by_the_product, like, loaded_of, ranking, sociable
from tests.serving.test_prices import everybody_of
from tests.serving.worlds import TODAY, World, write_world

Ints = npt.NDArray[np.int64]


def loaded_with(path: Path, people: World, passed: Ints, of: int = VIEWER) -> Loaded:
    """As `loaded_of`, and people by their rows have passed on the viewer, or on who is of a row."""
    release = write_world(
        path / "7", people, np.random.default_rng(2), seen=0.0, passed={of: passed.tolist()}
    )
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    index = ExactIndex(release, Overlay(release))
    return Loaded("7", release, signature, index, typical(release), 11)


async def test_who_has_passed_takes_nobodys_place(redis: Redis, tmp_path: Path) -> None:
    crowd = sociable(2 * SEARCHED)
    best = by_the_product(loaded_of(tmp_path / "before", crowd))
    passed, others = best[:300], best[300:]
    loaded = loaded_with(tmp_path / "after", crowd, passed)
    answer = await ranking(redis, crowd, loaded)
    assert not answer.complete
    # Those whom both looks would have without them.
    found, sides = others[:SEARCHED], sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    prices = loaded.release.prices_of(found)
    kept = found[narrowed(sides.take([VIEWER]), sides.take(found), prices)]
    assert sorted(answer.ids.tolist()) == sorted(loaded.release.arrays.person_id[kept].tolist())


@pytest.mark.parametrize("eligible", [0, 1])
async def test_with_as_many_others_as_are_ranked_it_is_known_if_these_are_all(
    redis: Redis, tmp_path: Path, eligible: int
) -> None:
    crowd = sociable(1 + RETRIEVED + 5)
    best = by_the_product(loaded_of(tmp_path / "before", crowd))
    passed = best[:5]
    crowd.table["visible"][passed[eligible:]] = False
    answer = await ranking(redis, crowd, loaded_with(tmp_path / "after", crowd, passed))
    assert len(answer.ids) == RETRIEVED
    assert answer.complete == (eligible == 0)
    assert not np.isin(answer.ids, crowd.table["person_id"][passed]).any()


async def test_where_there_are_few_others_they_come_first(redis: Redis, tmp_path: Path) -> None:
    crowd = sociable(2 * SEARCHED)
    best = by_the_product(loaded_of(tmp_path / "before", crowd))
    ids = crowd.table["person_id"]
    # The inner product alone would find none of the others.
    passed, others = best[:-150], best[-150:]
    loaded = loaded_with(tmp_path / "after", crowd, passed)
    answer = await ranking(redis, crowd, loaded)
    assert len(answer.ids) == RETRIEVED
    assert not answer.complete
    assert set(answer.ids[:150].tolist()) == set(ids[others].tolist())
    assert np.isin(answer.ids[150:], ids[passed]).all()


async def test_everybody_is_there_and_scores_say_how_it_came(redis: Redis, tmp_path: Path) -> None:
    few = sociable(60)
    before = await ranking(redis, few, loaded_of(tmp_path / "before", few))
    rows = np.delete(np.arange(60), VIEWER)[::2]
    passed, turned = few.table["person_id"][rows[1:]], few.table["person_id"][rows[:1]]
    loaded = loaded_with(tmp_path / "after", few, rows)
    # Who took it back and likes the viewer now has not passed.
    await like(redis, few, turned.tolist())
    answer = await ranking(redis, few, loaded)
    assert answer.complete
    assert sorted(answer.ids.tolist()) == sorted(before.ids.tolist())
    assert set(answer.ids[-len(passed) :].tolist()) == set(passed.tolist())
    was = dict(zip(before.ids.tolist(), before.scores.tolist(), strict=True))
    for person, score in zip(answer.ids.tolist(), answer.scores.tolist(), strict=True):
        if person in passed:
            # Of half precision, as it was drawn by and is logged.
            assert score == np.float16(score)
            assert abs(score - (was[person] - BEHIND)) <= 0.02
        elif person not in turned:
            assert score == was[person]
    # Cards that are shown have their reasons, in the order of showing.
    assert len(answer.why_codes) == min(40, len(answer.ids))


async def test_who_is_not_in_the_release_was_passed_by_nobody(redis: Redis, tmp_path: Path) -> None:
    few = sociable(60)
    # The last row is who would be taken for them.
    loaded = loaded_with(tmp_path / "7", few, np.arange(59), of=59)
    few.table["person_id"][VIEWER] = 987_654
    answer = await ranking(redis, few, loaded)
    assert len(answer.ids) and answer.scores.min() > -BEHIND


async def test_the_check_s_own_scores_know_it(redis: Redis, tmp_path: Path) -> None:
    few = sociable(60)
    rows = np.delete(np.arange(60), VIEWER)
    loaded = loaded_with(tmp_path / "7", few, rows[::3])
    await like(redis, few, few.table["person_id"][rows[::6]].tolist())
    answer = await ranking(redis, few, loaded)
    sides = sides_of(loaded.release, everybody_of(loaded.release), TODAY)
    prices = loaded.release.prices_of(np.arange(60))
    scores = Scores(loaded.release.arrays.person_id, sides, prices, loaded.release)
    own = scores.final(VIEWER, rows, np.isin(rows, rows[::6]))
    found = loaded.release.rows_of(answer.ids)
    by_row = dict(zip(rows.tolist(), own.astype(np.float16).tolist(), strict=True))
    assert [by_row[row] for row in found.tolist()] == answer.scores.tolist()
    assert (own < -BEHIND).sum() == len(rows[::3]) - len(rows[::6])
