"""Real PostgreSQL, Redis, S3 and broker for tests, started once by the stack's own code."""

import contextlib
import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from gravity.stack import infra, keys, ports, s3_request, stack
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.probe import wait_until_ready
from gravity.stack.servers import broker, postgres, redis, s3

_PREFIX = "gravity-tests-"
_OWNER = "owner"


@dataclass(frozen=True, slots=True)
class Infra:
    """The servers of one test session; `wait` before use, or use the fixtures, which do."""

    running: stack.Stack
    place: Place

    def wait(self, *names: str) -> None:
        """Return when the named servers are ready."""
        self.running.wait(names, timeout_s=120)

    @property
    def postgres_url(self) -> str:
        """The maintenance database; tests use `database_url`."""
        return postgres.url(self.place)

    @property
    def redis_url(self) -> str:
        """Database 0."""
        return redis.url(self.place)

    @property
    def bus_url(self) -> str:
        """The session's broker; tests use the fixture `bus_url`, which has a log of its own."""
        return broker.url(self.place)

    @property
    def s3_url(self) -> str:
        """The gateway."""
        return s3.url(self.place)

    @property
    def s3_access_key(self) -> str:
        """The gateway's one user."""
        return s3.ACCESS_KEY

    @property
    def s3_secret_key(self) -> str:
        """The secret of `s3_access_key`."""
        return self.place.keys.s3_secret_key


def end_abandoned(folder: Path) -> None:
    """End and remove the servers of test sessions that were killed before they could."""
    for owner in folder.glob(f"{_PREFIX}*/{_OWNER}"):
        with contextlib.suppress(OSError):
            pid, created = owner.read_text().split()
            if not _lives(int(pid), float(created)):
                stack.end(Home(owner.parent.resolve()))
                shutil.rmtree(owner.parent, ignore_errors=True)


def _lives(pid: int, created: float) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time() == created
    return False


@contextmanager
def running_infra(names: tuple[str, ...] = infra.STORES) -> Iterator[Infra]:
    """Start the named servers in a temporary folder; end them and remove it on exit."""
    end_abandoned(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        home = Home.at(Path(folder))
        (home.path / _OWNER).write_text(f"{os.getpid()} {psutil.Process().create_time()}")
        composition = stack.Composition(
            infra.port_names(names),
            lambda place: infra.programs(place, names, {}),
            lambda place: infra.settings(place, names),
        )
        running = stack.start(home, composition, {})
        try:
            yield Infra(running, _place_of(running, names))
        finally:
            running.stop()


def _place_of(running: stack.Stack, names: tuple[str, ...]) -> Place:
    known = running.settings()
    chosen = {name: int(known[ports.variable(name)]) for name in infra.port_names(names)}
    return Place(running.home, chosen, keys.load_or_create(running.home.keys))


@dataclass(frozen=True, slots=True)
class Bus:
    """A broker with an empty log. `restart` ends it with kill -9 and starts it again."""

    url: str
    bucket: str
    restart: Callable[[], None]


@contextmanager
def fresh_broker(servers: Infra, bucket: str) -> Iterator[Bus]:
    """Run one more broker, on a bucket of its own: an empty log in 0.1 s."""
    servers.wait(s3.NAME)
    wait_until_ready(s3.check(servers.place, bucket), lambda: False)
    taken = set(servers.place.ports.values())
    port = ports.any_free(taken, random.SystemRandom())
    place = replace(servers.place, ports={**servers.place.ports, broker.NAME: port})
    program = broker.program(place, bucket)
    environment = {**os.environ, **program.environment}
    log = servers.place.home.log(bucket)

    def start() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            process = subprocess.Popen(
                program.command, env=environment, stdout=output, stderr=output
            )
        if not wait_until_ready(program.check, lambda: process.poll() is not None):
            raise RuntimeError(log.read_text(encoding="utf-8"))
        return process

    process = start()

    def end() -> None:
        with process:
            process.kill()

    def restart() -> None:
        nonlocal process
        end()
        process = start()

    try:
        yield Bus(broker.url(place), bucket, restart)
    finally:
        end()
        # Each bucket takes volumes of its own, and there are only so many.
        s3_request.delete(s3.check(servers.place, bucket).target, f"/{bucket}")
