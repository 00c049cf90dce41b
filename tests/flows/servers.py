"""Real MLflow and Prefect servers for tests, started by the stack's own code."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gravity.stack import infra, stack
from gravity.stack.home import Home


@dataclass(frozen=True, slots=True)
class Learning:
    """Where the servers are."""

    mlflow_url: str
    prefect_api_url: str


@contextmanager
def running_learning() -> Iterator[Learning]:
    """Start both in a temporary folder, wait for them; end them and remove it on exit."""
    with tempfile.TemporaryDirectory(prefix="gravity-tests-") as folder:
        home = Home.at(Path(folder))
        composition = stack.Composition(
            infra.port_names(infra.LEARNING),
            lambda place: infra.programs(place, infra.LEARNING, {}),
            lambda place: infra.settings(place, infra.LEARNING),
        )
        running = stack.start(home, composition, {})
        try:
            running.wait(infra.LEARNING)
            known = running.settings()
            yield Learning(known["GRAVITY_MLFLOW_URL"], known["GRAVITY_PREFECT_API_URL"])
        finally:
            running.stop()
