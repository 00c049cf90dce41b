"""A stack of a command's own, in a temporary folder: nothing of it is left afterwards."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from cli import programs
from gravity.settings import Settings
from gravity.stack import infra, ports, stack, wheels
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Program

STORES: Final = infra.STORES
Command = Callable[[str], tuple[str, ...]]
"""The command of a process that listens on a port."""
MakeProgram = Callable[[Place], Program]


@dataclass(frozen=True, slots=True)
class OwnStack:
    """A running stack that ends with the command; `start` again after its supervisor died."""

    running: stack.Stack
    composition: stack.Composition
    settings: Settings

    @property
    def home(self) -> Home:
        """Its folder."""
        return self.running.home

    def port(self, name: str) -> int:
        """Where a process listens."""
        return int(self.running.settings()[ports.variable(name)])

    def start_again(self) -> None:
        """What `gravity up` does: end what was left behind, start what does not run."""
        stack.start(self.running.home, self.composition, {})

    @contextmanager
    def beside(self, others: Mapping[str, MakeProgram], patience_s: float) -> Iterator["OwnStack"]:
        """With more processes for a while, by name and port: wait so long until they are ready, end
        them. Raises the errors of `gravity.stack`."""

        def composed(place: Place) -> tuple[Program, ...]:
            own = self.composition.settings(place)
            made = (_told(make(place), own) for make in others.values())
            return (*self.composition.programs(place), *made)

        names = (*self.composition.port_names, *others)
        more = replace(self.composition, port_names=names, programs=composed)
        running = stack.start(self.home, more, {})
        try:
            running.wait(others, patience_s)
            yield replace(self, running=running, composition=more)
        finally:
            self.start_again()

    def pids(self) -> dict[str, int]:
        """The process of each program that has one. Raises OSError without a supervisor."""
        return {each.name: each.pid for each in self.running.supervision.processes() if each.pid}


def gravity_run(*words: str) -> Command:
    """`gravity run WORDS --port PORT`."""
    script = wheels.script("gravity", "gravity-discovery")
    return lambda port: (script, "run", *words, "--port", port)


@contextmanager
def own_stack(
    prefix: str,
    services: Mapping[str, Command],
    extra: Mapping[str, str],
    *,
    servers: tuple[str, ...] = STORES,
    others: Mapping[str, MakeProgram] = MappingProxyType({}),
) -> Iterator[OwnStack]:
    """Start these servers and services, and wait until all are ready. `extra`: settings beside
    those of the servers; `others`: processes that are no `gravity run`, by name and port. Raises
    the errors of `gravity.stack`.
    """
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        home = Home.at(Path(folder))

        def settings(place: Place) -> dict[str, str]:
            here = infra.settings(place, servers)
            own = {
                "GRAVITY_LAKE_URL": str(home.path / "lake"),
                "GRAVITY_API_URL": place.url("api"),
                "GRAVITY_MEDIA_URL": "",
                "GRAVITY_INDEX_URL": "",
                "GRAVITY_FEATURES_URL": "",
            }
            if programs.RANKER in others:
                own[programs.RANKER_URL] = place.url(programs.RANKER)
            return {**here, **own, **extra}

        def composed(place: Place) -> tuple[Program, ...]:
            own = settings(place)
            ours = [_service(place, name, command, own) for name, command in services.items()]
            ours += [_told(make(place), own) for make in others.values()]
            return (*infra.programs(place, servers, {}), *ours)

        names = (*infra.port_names(servers), *services, *others)
        composition = stack.Composition(names, composed, settings)
        running = stack.start(home, composition, {})
        try:
            running.wait()
            yield OwnStack(running, composition, _settings_of(running))
        finally:
            running.stop()


def _service(place: Place, name: str, command: Command, settings: Mapping[str, str]) -> Program:
    service = _told(programs.service(place, name), settings)
    return replace(service, command=command(str(place.ports[name])))


def _told(program: Program, settings: Mapping[str, str]) -> Program:
    # Said to each in so many words: what the caller's environment says of another stack must not
    # lead here.
    return replace(program, environment={**program.environment, **settings})


def _settings_of(running: stack.Stack) -> Settings:
    own = {
        key.removeprefix("GRAVITY_").lower(): value
        for key, value in running.settings().items()
        if not key.endswith("_PORT")
    }
    return Settings.model_validate({"home": running.home.path, **own})
