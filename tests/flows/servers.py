"""Real MLflow and Prefect servers for tests, started by the stack's own code."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gravity.stack import infra, stack
from gravity.stack.home import Home


@contextmanager
def running(server: str) -> Iterator[dict[str, str]]:
    """Start one server in a temporary folder; its settings. End it and remove that on exit."""
    with tempfile.TemporaryDirectory(prefix="gravity-tests-") as folder:
        composition = stack.Composition(
            infra.port_names((server,)),
            lambda place: infra.programs(place, (server,), {}),
            lambda place: infra.settings(place, (server,)),
        )
        started = stack.start(Home.at(Path(folder)), composition, {})
        try:
            started.wait()
            yield started.settings()
        finally:
            started.stop()
