"""A local stack as a whole: start, wait, stop."""

import contextlib
import fcntl
import os
import pwd
import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gravity.stack import environment_file, keys, orphans, ports
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Program
from gravity.stack.progress import POLL_SECONDS, wait_until_ready
from gravity.stack.supervision import Supervision

SUPERVISOR_PORT = "supervisor"
READY_SECONDS = 180.0


@dataclass(frozen=True, slots=True)
class Composition:
    """What a stack consists of; `settings` become the environment file of its clients."""

    port_names: Sequence[str]
    programs: Callable[[Place], Sequence[Program]]
    settings: Callable[[Place], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack: its folder, and control of its supervisor."""

    home: Home
    supervision: Supervision

    def wait(self, names: Collection[str] | None = None, timeout_s: float = READY_SECONDS) -> None:
        """Return when the named programs (or all) are ready; raises ProgramFailed."""
        if names is None:
            names = {process.name for process in self.supervision.processes()}
        wait_until_ready(self.home, self.supervision, names, timeout_s)

    def settings(self) -> dict[str, str]:
        """The environment variables by which clients find this stack."""
        return environment_file.read(self.home.env)

    def stop(self) -> None:
        """End every process of the stack, those that use others before those that they use."""
        end(self.home)


def find(home: Home) -> Stack | None:
    """Return the stack that runs in `home`, if one does."""
    known = environment_file.read(home.env)
    port = known.get(ports.variable(SUPERVISOR_PORT))
    password = home.keys / "supervisor_password"
    if port is None or not password.exists():
        return None
    supervision = Supervision(home, int(port), password.read_text(encoding="ascii"))
    return Stack(home, supervision) if supervision.alive() else None


def start(home: Home, composition: Composition, environment: Mapping[str, str]) -> Stack:
    """Start what is not running and return at once; programs wait for each other by themselves.

    Processes that a killed supervisor left behind are ended first. In a stack that runs, only
    what has changed is started again.
    Raises PortTaken, BinaryMissing, CannotBecome, SupervisorFailed.
    """
    with _alone(home):
        running = find(home)
        if running is None:
            orphans.end(home.path)
        place = _place(home, composition, environment, running is not None)
        supervision = Supervision(
            home, place.ports[SUPERVISOR_PORT], place.keys.supervisor_password
        )
        programs = composition.programs(place)
        for program in programs:
            _make_directory(Path(program.directory), program.run_as)
        supervision.configure(programs)
        _write_settings(home, place, composition.settings(place))
        if running is None:
            supervision.launch()
        else:
            supervision.update()
        return Stack(home, supervision)


def end(home: Home) -> int:
    """End every process of the stack in `home`; returns how many had to be killed at the end."""
    if not home.specs.is_dir():
        # Nothing was started here, or the folder was removed under what runs: who to ask is gone.
        return orphans.end(home.path)
    with _alone(home):
        running = find(home)
        if running is not None:
            litter = running.supervision.litter()
            _stop_in_order(running.supervision)
            supervisor = running.supervision.shutdown()
            _wait(lambda: orphans.has_ended(supervisor), 10)
            for path in litter:
                path.unlink(missing_ok=True)
        return orphans.end(home.path)


def _stop_in_order(supervision: Supervision) -> None:
    waves = supervision.stop_waves()
    for wave in waves:
        for name in wave:
            supervision.stop(name)

        def stopped(wave: Collection[str] = wave) -> bool:
            return not any(p.pid for p in supervision.processes() if p.name in wave)

        _wait(stopped, 30)


def _wait(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _place(
    home: Home, composition: Composition, environment: Mapping[str, str], running: bool
) -> Place:
    names = (SUPERVISOR_PORT, *composition.port_names)
    remembered = environment_file.read(home.env)
    # System randomness: two checkouts that start together should not choose alike.
    chosen = ports.choose(names, environment, remembered, running, random.SystemRandom())
    return Place(home, chosen, keys.load_or_create(home.keys))


def _write_settings(home: Home, place: Place, settings: Mapping[str, str]) -> None:
    chosen = {ports.variable(name): str(port) for name, port in place.ports.items()}
    environment_file.write(home.env, {**chosen, **settings})


def _make_directory(directory: Path, user: str | None) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    if user is not None and os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    with (home.specs / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
