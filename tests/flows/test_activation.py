"""What cannot be served never becomes the champion, and whoever serves holds two at most."""

import asyncio
import json
from collections.abc import Callable, Collection
from pathlib import Path
from shutil import copytree

import pytest

from features.forget import forget
from features.live_releases import NEXT_KEY, alive_key, ready_key
from features.mlflow_rest import MLflow
from features.registry import aliases_in, version
from features.release import MANIFEST
from features.view_writer import drop_view
from features.views import Feature, Kind, View, factors
from features.wire import run
from flows import activation, features_gate
from flows.activation import Candidate, NotFollowed, SnapshotRefused
from flows.gates import ReleaseRejected
from flows.learning import Draft
from flows.promote import make_current, promote_release, roll_back
from gravity.kernel import Kernel
from tests.flows.drafts import registered
from tests.flows.test_promotion import quiet, serving
from tests.flows.workers import working


def _flip_a_byte(copy: Path) -> None:
    with (copy / "taste.npy").open("r+b") as file:
        file.seek(1000)
        byte = file.read(1)
        file.seek(1000)
        file.write(bytes([byte[0] ^ 1]))


def _truncate(copy: Path) -> None:
    with (copy / "taste.npy").open("r+b") as file:
        file.truncate(1000)


def _remove(copy: Path) -> None:
    (copy / "taste.npy").unlink()


@pytest.mark.parametrize("damage", [_flip_a_byte, _truncate, _remove])
async def test_a_snapshot_that_a_ranker_finds_damaged_is_refused_and_the_old_one_stays(
    kernel: Kernel,
    mlflow: MLflow,
    draft: Draft,
    tmp_path: Path,
    damage: Callable[[Path], None],
) -> None:
    elsewhere = tmp_path / "another machine"
    async with working(kernel, elsewhere) as ranker:
        first = (await registered(kernel, mlflow, draft, tmp_path)).id
        await promote_release(mlflow, kernel, first, "Ada", quiet)
        second = (await registered(kernel, mlflow, draft, tmp_path)).id
        copytree(activation.releases_folder(kernel) / second, elsewhere / second)
        damage(elsewhere / second)

        with pytest.raises(SnapshotRefused, match=r"ranker-0: ReleaseCorrupt: taste\.npy"):
            await promote_release(mlflow, kernel, second, "Ada", quiet)
        assert await aliases_in(mlflow) == {"champion": first}
        assert await serving(kernel) == first
        assert ranker.loaded() == [first]
        assert "taste.npy" in (await version(mlflow, second)).tags["rejected.because"]

        # The damaged copy is gone, and another one is fetched.
        await promote_release(mlflow, kernel, second, "Ada", quiet)
        assert await serving(kernel) == second


async def test_a_release_whose_features_are_not_in_the_store_is_refused_before_its_promotion(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    first = (await registered(kernel, mlflow, draft, tmp_path)).id
    await promote_release(mlflow, kernel, first, "Ada", quiet)
    second = await registered(kernel, mlflow, draft, tmp_path)
    await make_current(kernel, second, quiet)
    lost = View(factors(second.id).name, (Feature("given_rate", Kind.FLOAT32),))
    people = second.release.arrays.person_id
    await drop_view(kernel.redis, lost, people[: len(people) // 50])

    with pytest.raises(ReleaseRejected, match=rf"factors_{second.id}:given_rate 9\d\.\d%"):
        await promote_release(mlflow, kernel, second.id, "Ada", quiet)
    assert await aliases_in(mlflow) == {"champion": first}
    assert await serving(kernel) == first
    because = json.loads((await version(mlflow, second.id)).tags["rejected.because"])
    assert list(because) == [features_gate.NAME]


async def test_a_release_that_names_a_feature_that_nobody_defines_is_refused(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    path = candidate.release.path / MANIFEST
    path.write_text(path.read_text().replace('"given_rate"', '"charm"'))
    with pytest.raises(ReleaseRejected, match="no such feature: factors:charm"):
        await promote_release(mlflow, kernel, candidate.id, "Ada", quiet)
    assert await aliases_in(mlflow) == {}


async def test_whoever_was_erased_has_no_features_and_refuses_no_release(
    kernel: Kernel, mlflow: MLflow, draft: Draft, workers: None, tmp_path: Path
) -> None:
    candidate = await registered(kernel, mlflow, draft, tmp_path)
    await activation.materialise(kernel, candidate)
    await forget(kernel.redis, candidate.release.arrays.person_id[:30])
    assert (await features_gate.judge(kernel, candidate)).passed


async def test_a_promotion_waits_for_every_ranker_that_lives(kernel: Kernel) -> None:
    await rankers(kernel, serving="1", alive=["ranker-a", "ranker-b"], dead=[])
    await run(kernel.redis.sadd(ready_key("2"), "ranker-a"))
    async with asyncio.timeout(20):
        prepared = asyncio.create_task(activation.prepare(kernel, "2", wait_s=60.0))
        before = await looks(kernel)
        # Several looks later it still waits for the other.
        while await looks(kernel) < before + 3:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert not prepared.done()
        await run(kernel.redis.sadd(ready_key("2"), "ranker-b"))
        await prepared


async def test_a_promotion_waits_for_no_ranker_that_died(kernel: Kernel) -> None:
    await rankers(kernel, serving="1", alive=["ranker-a"], dead=["ranker-b", "ranker-c"])
    await run(kernel.redis.sadd(ready_key("2"), "ranker-c"))
    async with asyncio.timeout(20):
        prepared = asyncio.create_task(activation.prepare(kernel, "2", wait_s=60.0))
        await run(kernel.redis.sadd(ready_key("2"), "ranker-a"))
        await prepared
    # Nor are their names kept.
    assert await run(kernel.redis.smembers(ready_key("1"))) == {b"ranker-a"}
    assert await run(kernel.redis.smembers(ready_key("2"))) == {b"ranker-a"}


async def test_a_promotion_that_a_living_ranker_does_not_follow_is_refused_and_names_it(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    await rankers(kernel, serving="1", alive=["ranker-a", "ranker-b"], dead=["ranker-c"])
    await run(kernel.redis.sadd(ready_key("2"), "ranker-a"))
    with pytest.raises(NotFollowed, match="release 2 is not held by ranker-b after"):
        await activation.prepare(kernel, "2", wait_s=0.2)
    assert await kernel.redis.get(NEXT_KEY) is None
    assert [record.message for record in caplog.records] == ["release not held by all"]


async def test_a_release_that_only_a_dead_ranker_holds_is_held_by_nobody(kernel: Kernel) -> None:
    await rankers(kernel, serving="1", alive=[], dead=["ranker-b"])
    await run(kernel.redis.sadd(ready_key("2"), "ranker-b"))
    with pytest.raises(NotFollowed, match="any ranker"):
        await activation.prepare(kernel, "2", wait_s=0.2)


async def looks(kernel: Kernel) -> int:
    """How often anybody has looked who refused a release."""
    found = (await kernel.redis.info("commandstats")).get("cmdstat_hgetall", {"calls": 0})
    return int(found["calls"])


async def rankers(
    kernel: Kernel, serving: str, alive: Collection[str], dead: Collection[str]
) -> None:
    """What rankers that hold the served release have said, until some of them died."""
    await kernel.redis.set(activation.SERVING_KEY, serving)
    await run(kernel.redis.sadd(ready_key(serving), *alive, *dead))
    for name in alive:
        await kernel.redis.set(alive_key(name), b"1")


async def test_a_ranker_holds_the_served_release_and_one_other(
    kernel: Kernel, mlflow: MLflow, draft: Draft, tmp_path: Path
) -> None:
    async with working(kernel, activation.releases_folder(kernel)) as ranker:
        made: list[Candidate] = []
        for _ in range(2):
            made.append(await registered(kernel, mlflow, draft, tmp_path))
            await promote_release(mlflow, kernel, made[-1].id, "Ada", quiet)
        first, second = (each.id for each in made)
        assert ranker.loaded() == [first, second]

        # A third comes beside the served one, in the place of the one before.
        third = (await registered(kernel, mlflow, draft, tmp_path)).id
        await activation.prepare(kernel, third)
        assert ranker.loaded() == [second, third]
        assert await serving(kernel) == second

        # Nothing became of it: what a rollback needs comes back in its place.
        await kernel.redis.delete(NEXT_KEY)
        await roll_back(mlflow, kernel, "Grace", quiet)
        assert await serving(kernel) == first
        assert sorted(ranker.loaded()) == sorted([first, second])
