"""Decks of somebody on whom others have passed before the release."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from redis.asyncio import Redis

from features.likers import BEHIND
from features.narrowing import RETRIEVED, SEARCHED
from features.signature import Signature
from features.views import factors
from serving.index import ExactIndex
from serving.overlay import Overlay
from serving.pipeline import Loaded
from serving.why import typical
from tests.serving.test_likers import VIEWER, by_the_product, like, loaded_of, ranking, sociable
from tests.serving.worlds import World, write_world

Ints = npt.NDArray[np.int64]


def loaded_with(path: Path, people: World, passed: Ints) -> Loaded:
    """As `loaded_of`, and people by their rows have passed on the viewer."""
    release = write_world(
        path / "7", people, np.random.default_rng(2), seen=0.0, passed={VIEWER: passed.tolist()}
    )
    signature = Signature.of_views([factors("7")], {"taste": release.manifest.d})
    index = ExactIndex(release, Overlay(release))
    return Loaded("7", release, signature, index, typical(release), 11)


async def test_who_has_passed_takes_nobodys_place(redis: Redis, tmp_path: Path) -> None:
    crowd = sociable(2 * SEARCHED)
    best = by_the_product(loaded_of(tmp_path / "before", crowd))
    ids = crowd.table["person_id"]
    passed, next_best = best[:700], best[700:]
    loaded = loaded_with(tmp_path / "after", crowd, passed)
    answer = await ranking(redis, crowd, loaded)
    assert len(answer.ids) == RETRIEVED
    assert not answer.complete
    assert not np.isin(answer.ids, ids[passed]).any()
    assert set(answer.ids.tolist()) <= set(ids[next_best].tolist())


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
    loaded = loaded_with(tmp_path / "7", few, np.delete(np.arange(60), VIEWER))
    few.table["person_id"][VIEWER] = 987_654
    answer = await ranking(redis, few, loaded)
    assert len(answer.ids) and answer.scores.min() > -BEHIND
