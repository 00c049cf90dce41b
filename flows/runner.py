"""`python -m flows.runner`: the flows as deployments of a Prefect server, and their runs.

Each run is a process of its own (it needs 3 s to begin). A server that is away or restarted is
asked again; the runner ends only when told to, or to be started anew by its supervisor when the
server is not there at its own start.
"""

import asyncio
import os
from datetime import timedelta
from typing import Final

from gravity.settings import Settings

_POLL_S: Final = 1.0
_DAY: Final = timedelta(days=1)


def prefect_environment(settings: Settings) -> dict[str, str]:
    """What Prefect reads from its environment, for this process and the runs it starts."""
    return {
        "PREFECT_API_URL": settings.prefect_api_url,
        "PREFECT_HOME": str((settings.home / "prefect").absolute()),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "flows,training,features",
        "DO_NOT_TRACK": "1",
    }


async def main() -> None:
    """Register the deployments and run what is asked for, until stopped."""
    os.environ.update(prefect_environment(Settings.load()))
    # Prefect reads its settings at import, so not before the environment is set.
    from prefect.runner import Runner
    from prefect.schedules import Interval

    from flows.retrain import retrain

    runner = Runner(name="gravity", query_seconds=_POLL_S, limit=1, pause_on_shutdown=False)
    await runner.aadd_flow(
        retrain,
        name="retrain",
        schedule=Interval(_DAY),
        paused=True,
        description="Learn a release from the lake; promote it if it passes the gates.",
        tags=["learning"],
    )
    await runner.start()


if __name__ == "__main__":
    asyncio.run(main())
