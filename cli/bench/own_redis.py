"""A Redis of a command's own, in a temporary folder: nothing of it is left afterwards."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gravity.stack import infra, stack
from gravity.stack.home import Home
from gravity.stack.servers import redis

_ONLY: Final = (redis.NAME,)


@dataclass(frozen=True, slots=True)
class OwnRedis:
    """Where it answers, and a folder that goes when it does."""

    url: str
    folder: Path


@contextmanager
def own_redis(prefix: str) -> Iterator[OwnRedis]:
    """Start it and wait until it is ready. Raises the errors of `gravity.stack`."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        composition = stack.Composition(
            infra.port_names(_ONLY),
            lambda place: infra.programs(place, _ONLY, {}),
            lambda place: infra.settings(place, _ONLY),
        )
        running = stack.start(Home.at(Path(folder)), composition, {})
        try:
            running.wait()
            yield OwnRedis(running.settings()["GRAVITY_REDIS_URL"], Path(folder))
        finally:
            running.stop()
