"""Promotion and rollback of a registered release, whole: what `gravity release` calls.

The flow `retrain` takes the same steps, each as a task of its own.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from features.mlflow_rest import MLflow
from features.registry import CHAMPION, aliases_in, download, version
from features.release import Release
from flows import activation, features_gate, gates, promotion, tracking
from flows.activation import Candidate
from flows.gates import Gate
from flows.promotion import Kind, Promotion
from flows.retirement import retire
from gravity.kernel import Kernel

Say = Callable[[str], None]


class PromotionUnderWay(Exception):
    """Another promotion or rollback holds the lock."""


@asynccontextmanager
async def exclusive(kernel: Kernel) -> AsyncIterator[None]:
    """One promotion at a time; the lock ends with the connection. Raises PromotionUnderWay."""
    async with kernel.pool.acquire() as conn:
        if not await conn.fetchval("select pg_try_advisory_lock(hashtext('gravity.release'))"):
            raise PromotionUnderWay
        try:
            yield
        finally:
            await conn.execute("select pg_advisory_unlock(hashtext('gravity.release'))")


async def candidate_of(kernel: Kernel, release_id: str) -> Candidate:
    """A registered release with its files on this machine.

    Raises ReleaseUnknown, ReleaseCorrupt, MLflowUnreachable.
    """
    folder = activation.releases_folder(kernel)
    path = await download(kernel.settings.mlflow_url, release_id, folder)
    return Candidate(release_id, Release.open(path))


async def judge(mlflow: MLflow, candidate: Candidate) -> tuple[Gate, ...]:
    """The gates of a release, against the champion of the moment where there is another one."""
    served = (await aliases_in(mlflow)).get(CHAMPION)
    champion = None
    if served not in (None, candidate.id):
        champion = await tracking.measures_of(mlflow, (await version(mlflow, str(served))).run_id)
    release = candidate.release
    return gates.judge(gates.metrics_of(release), champion, gates.is_finite(release))


async def make_current(kernel: Kernel, candidate: Candidate, say: Say) -> None:
    """Factors in Redis, followed by the stream, the last hours replayed; nothing to do if so."""
    if await activation.is_current(kernel, candidate.id) and await _are_there(kernel, candidate):
        say(f"release {candidate.id} is live and current")
        return
    say(f"{await activation.materialise(kernel, candidate):,} people's factors materialised")
    await activation.follow(kernel, candidate.id)
    say(f"{await activation.replay(kernel, candidate):,} people's last swipes replayed")


async def _are_there(kernel: Kernel, candidate: Candidate) -> bool:
    """Whether what was made current is still there: features that lie in a store of their own, or
    on several nodes, may be lost without what says so."""
    if not kernel.settings.features_url:
        return True
    return (await features_gate.judge(kernel, candidate)).passed


async def hold(mlflow: MLflow, kernel: Kernel, release_id: str) -> None:
    """Have the rankers hold the release; what one of them refuses is noted as rejected.

    Raises SnapshotRefused, NotFollowed.
    """
    try:
        await activation.prepare(kernel, release_id)
    except activation.SnapshotRefused as error:
        refused = (Gate("snapshot", False, str(error)),)
        await promotion.reject(mlflow, release_id, refused, kernel.clock())
        raise


async def promote_release(
    mlflow: MLflow, kernel: Kernel, release_id: str, by: str, say: Say
) -> Promotion:
    """Make a registered release the one that is served, if it passes the gates.

    Raises ReleaseUnknown, ReleaseCorrupt, ReleaseRejected, SnapshotRefused, NotFollowed,
    PromotionUnderWay.
    """
    async with exclusive(kernel):
        candidate = await candidate_of(kernel, release_id)
        found = await judge(mlflow, candidate)
        await promotion.require(mlflow, release_id, found, kernel.clock())
        await make_current(kernel, candidate, say)
        found += (await features_gate.judge(kernel, candidate),)
        await promotion.require(mlflow, release_id, found, kernel.clock())
        return await _switch(mlflow, kernel, release_id, by, found, "promotion", say)


async def roll_back(mlflow: MLflow, kernel: Kernel, by: str, say: Say) -> Promotion:
    """Serve the previous champion again: it is loaded and current, so this takes seconds.

    After a promotion that died half way that is the champion it was to replace, and the previous
    one stays what it was. No gate stands in the way: it has served. What says that it is current is
    kept by the Redis that keeps its features, so neither is lost alone; of features in a store of
    their own some are looked for, and all are written again if they are lost.
    Raises NothingToRollBackTo, SnapshotRefused, NotFollowed, PromotionUnderWay.
    """
    async with exclusive(kernel):
        release_id = await promotion.previous_champion(mlflow)
        elsewhere = kernel.settings.features_url
        if elsewhere or not await activation.is_current(kernel, release_id):
            await make_current(kernel, await candidate_of(kernel, release_id), say)
        return await _switch(mlflow, kernel, release_id, by, (), "rollback", say)


async def _switch(
    mlflow: MLflow,
    kernel: Kernel,
    release_id: str,
    by: str,
    found: tuple[Gate, ...],
    kind: Kind,
    say: Say,
) -> Promotion:
    await hold(mlflow, kernel, release_id)
    say(f"release {release_id} is held by the rankers")
    done = await promotion.promote(mlflow, kernel, release_id, by, found, kind)
    if done.takes_back:
        say(f"the promotion of release {done.previous}, which died half way, is taken back")
    say(f"release {release_id} is the champion")
    await activation.serve(kernel, release_id)
    await promotion.finish(mlflow)
    say(f"release {release_id} is served")
    for gone in await retire(mlflow, kernel):
        say(f"release {gone} retired")
    return done
