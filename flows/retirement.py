"""What no alias names any more leaves Redis, the bus's holds and this machine's disk.

The previous champion stays until the next promotion, so that a rollback finds it warm.
"""

import asyncio
import shutil
from collections.abc import Collection
from typing import Final

from features.live_releases import LIVE_KEY, current_key, ready_key
from features.mlflow_rest import MLflow
from features.registry import aliases_in
from features.view_writer import drop_view
from features.views import factors, photos
from features.whereabouts import features_of
from features.wire import run
from flows.activation import SERVING_KEY, everybody, live_releases, releases_folder
from gravity import positions
from gravity.kernel import Kernel

_HOLD: Final = "release:"


def hold_name(release_id: str) -> str:
    """The hold that keeps what a release's overlay has to read from the bus."""
    return f"{_HOLD}{release_id}"


async def retire(mlflow: MLflow, kernel: Kernel) -> list[str]:
    """Take down every live release that is neither aliased nor served; returns their ids."""
    kept = set((await aliases_in(mlflow)).values())
    serving = await kernel.redis.get(SERVING_KEY)
    if serving is not None:
        kept.add(serving.decode())
    gone = [live for live in await live_releases(kernel) if live not in kept]
    for release_id in gone:
        await _retire(kernel, release_id)
    await _let_go_of_passed_over(kernel, kept)
    return gone


async def _let_go_of_passed_over(kernel: Kernel, kept: Collection[str]) -> None:
    """End the holds of releases that were never promoted and are older than all that are kept.

    A newer one may be on its way to its promotion just now.
    """
    async with kernel.pool.acquire() as conn:
        for name in await positions.holds(conn):
            release_id = name.removeprefix(_HOLD)
            if release_id != name and all(int(release_id) < int(stays) for stays in kept):
                await positions.let_go(conn, name)


async def _retire(kernel: Kernel, release_id: str) -> None:
    # First: from here on the stream writes nothing more under it.
    await run(kernel.redis.srem(LIVE_KEY, release_id))
    await kernel.redis.delete(current_key(release_id), ready_key(release_id))
    persons = await everybody(kernel)
    for view in (factors(release_id), photos(release_id)):
        await drop_view(features_of(kernel), view, persons)
    async with kernel.pool.acquire() as conn:
        await positions.let_go(conn, hold_name(release_id))
    folder = releases_folder(kernel) / release_id
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
