"""A stack of a command's own, in a temporary folder: nothing of it is left afterwards."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gravity.settings import Settings
from gravity.stack import infra, stack
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Program

STORES: Final = infra.STORES


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

    def start_again(self) -> None:
        """What `gravity up` does: end what was left behind, start what does not run."""
        stack.start(self.running.home, self.composition, {})

    def pids(self) -> dict[str, int]:
        """The process of each program that has one. Raises OSError without a supervisor."""
        return {each.name: each.pid for each in self.running.supervision.processes() if each.pid}


@contextmanager
def own_stack(
    prefix: str, services: Mapping[str, Sequence[str]], extra: Mapping[str, str]
) -> Iterator[OwnStack]:
    """Start the stores and the services (name -> words after `gravity run`), and wait until all
    are ready. `extra`: settings beside those of the stores. Raises the errors of `gravity.stack`.
    """
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        home = Home.at(Path(folder))

        def settings(place: Place) -> dict[str, str]:
            here = infra.settings(place, STORES)
            own = {"GRAVITY_LAKE_URL": str(home.path / "lake"), "GRAVITY_API_URL": place.url("api")}
            return {**here, **own, **extra}

        def programs(place: Place) -> tuple[Program, ...]:
            return (
                *infra.programs(place, STORES, {}),
                *(
                    _service(place, name, words, settings(place))
                    for name, words in services.items()
                ),
            )

        names = (*infra.port_names(STORES), *services)
        composition = stack.Composition(names, programs, settings)
        running = stack.start(home, composition, {})
        try:
            running.wait()
            yield OwnStack(running, composition, _settings_of(running))
        finally:
            running.stop()


def _service(place: Place, name: str, words: Sequence[str], settings: Mapping[str, str]) -> Program:
    from cli import programs

    service = programs.service(place, name)
    port = str(place.ports[name])
    return replace(
        service,
        command=(service.command[0], "run", *words, "--port", port),
        # Said to each in so many words: what the caller's environment says of another stack must
        # not lead here.
        environment={**service.environment, **settings},
    )


def _settings_of(running: stack.Stack) -> Settings:
    own = {
        key.removeprefix("GRAVITY_").lower(): value
        for key, value in running.settings().items()
        if not key.endswith("_PORT")
    }
    return Settings.model_validate({"home": running.home.path, **own})
