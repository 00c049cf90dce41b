"""`python -m flows.runner`: the flows as deployments of a Prefect server, and their runs.

Each run is a process of its own. The runner outlives its server: Prefect's own gives up after three
polls in vain, so it is begun anew until told to stop. What is set in Prefect's UI, schedules and
parameters, stays.
"""

import asyncio
import logging
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gravity.settings import Settings

if TYPE_CHECKING:
    from prefect.client.schemas.actions import DeploymentScheduleCreate

log = logging.getLogger(__name__)
_POLL_S: Final = 1.0
_AGAIN_S: Final = 2.0


def prefect_environment(settings: Settings) -> dict[str, str]:
    """What Prefect and NumPy read from it, for this process and the runs it starts."""
    return {
        "PREFECT_API_URL": settings.prefect_api_url,
        "PREFECT_HOME": str((settings.home / "prefect").absolute()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flows,training,features",
        "DO_NOT_TRACK": "1",
        # Small products on one thread: several wait for each other, on cores that serving wants.
        "OPENBLAS_NUM_THREADS": os.environ.get("OPENBLAS_NUM_THREADS", "1"),
    }


async def main() -> None:
    """Register the deployments and run what is asked for, until stopped."""
    os.environ.update(prefect_environment(Settings.load()))
    while True:
        try:
            await _serve()
        except Exception:
            log.warning("the runner begins anew", exc_info=True)
        await asyncio.sleep(_AGAIN_S)


async def _serve() -> None:
    # Prefect reads its settings at import, so not before the environment is set.
    from prefect.runner import Runner

    from flows.retrain import retrain
    from flows.retrain_photos import retrain_photos

    photos, deck = await _set("retrain-photos/retrain-photos"), await _set("retrain/retrain")
    runner = Runner(name="gravity", query_seconds=_POLL_S, limit=1, pause_on_shutdown=False)
    await runner.aadd_flow(
        retrain_photos,
        name="retrain-photos",
        schedules=photos.schedules,
        parameters=photos.parameters,
        description="Embed everybody's new photos; learn what tells them apart when asked to.",
        tags=["learning"],
    )
    # Last: who waits for the flows waits for this one.
    await runner.aadd_flow(
        retrain,
        name="retrain",
        schedules=deck.schedules,
        parameters=deck.parameters,
        description="Learn a release from the lake; promote it if it passes the gates.",
        tags=["learning"],
    )
    await runner.start()


@dataclass(frozen=True, slots=True)
class _Set:
    """What an operator set in the UI: registering anew would else remove it."""

    schedules: "list[DeploymentScheduleCreate] | None" = None
    parameters: dict[str, Any] = field(default_factory=dict)


async def _set(deployment: str) -> _Set:
    from prefect import get_client
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.exceptions import ObjectNotFound

    async with get_client() as client:
        try:
            found = await client.read_deployment_by_name(deployment)
        except ObjectNotFound:
            return _Set()
    schedules = [
        DeploymentScheduleCreate(
            schedule=each.schedule, active=each.active, parameters=each.parameters, slug=each.slug
        )
        for each in found.schedules
    ]
    return _Set(schedules or None, found.parameters)


if __name__ == "__main__":
    asyncio.run(main())
