"""A stack of the benchmark's own, in a temporary folder: the stores, the API, the consumers."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cli import programs
from cli.bench.packets import Signer
from gravity.settings import Settings
from gravity.stack import infra, keys, ports, stack
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Program

_PREFIX: Final = "gravity-bench-"
_SERVICES: Final = ("api", "consumers")
_MANY_SWIPES: Final = "1000000"


@dataclass(frozen=True, slots=True)
class OwnStack:
    """A running stack that ends with the benchmark."""

    running: stack.Stack
    settings: Settings
    signer: Signer
    api_port: int

    def pids(self) -> dict[str, int]:
        """The process of each program."""
        return {each.name: each.pid for each in self.running.supervision.processes()}


@contextmanager
def own_stack() -> Iterator[OwnStack]:
    """Start it and wait until it is ready; on the way out nothing of it is left.

    Raises the errors of `gravity.stack`.
    """
    with tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True) as folder:
        home = Home.at(Path(folder))
        names = (*infra.port_names(infra.STORES), *_SERVICES)
        composition = stack.Composition(names, _programs, _settings)
        running = stack.start(home, composition, {})
        try:
            running.wait()
            yield _opened(running)
        finally:
            running.stop()


def _programs(place: Place) -> tuple[Program, ...]:
    # Said to each of ours in so many words: what the caller's environment says of another stack
    # must not lead here.
    own = _settings(place) | {"GRAVITY_DAILY_SWIPES": _MANY_SWIPES}
    api = replace(
        programs.service(place, "api"),
        command=(sys.executable, "-m", "cli.bench.server", str(place.ports["api"])),
    )
    ours = [
        replace(program, environment={**program.environment, **own})
        for program in (api, programs.service(place, "consumers"))
    ]
    return (*infra.programs(place, infra.STORES, {}), *ours)


def _settings(place: Place) -> dict[str, str]:
    lake = str(place.home.path / "lake")
    return {**infra.settings(place, infra.STORES), "GRAVITY_LAKE_URL": lake}


def _opened(running: stack.Stack) -> OwnStack:
    known = running.settings()
    own = {
        key.removeprefix("GRAVITY_").lower(): value
        for key, value in known.items()
        if not key.endswith("_PORT")
    }
    settings = Settings.model_validate({"home": running.home.path, **own})
    private = keys.jwt_private_file(running.home.keys).read_text(encoding="ascii")
    signer = Signer(private, settings.card_token_key.get_secret_value())
    return OwnStack(running, settings, signer, int(known[ports.variable("api")]))
