"""Ports of the stack: as the environment says, else the remembered ones, else free ones."""

import random
import socket
import time
from collections.abc import Iterable, Mapping

from gravity.stack.failures import StackError

# Below the range from which the kernel takes the ports of outgoing connections, so that a chosen
# port is not lost between the choice and the server's start.
FIRST, LAST = 20_000, 31_999

# A process that was killed loses its memory, and with it its mark, before its ports.
GIVEN_BACK_S = 3.0
_POLL_S = 0.02


class PortTaken(StackError):
    """A port that the environment asks for is in use by another program."""

    def __init__(self, variable: str, port: int) -> None:
        super().__init__(
            f"{variable}={port}: port {port} is in use by another program. "
            f"Stop that program, or set {variable} to a free port or leave it unset."
        )


class PortInvalid(StackError):
    """An environment variable does not hold a port."""

    def __init__(self, variable: str, value: str) -> None:
        super().__init__(f"{variable}={value!r} is not a port: a number from 1 to 65535 is needed.")


def is_free(port: int) -> bool:
    """Tell whether 127.0.0.1:`port` can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def variable(name: str) -> str:
    """Name the environment variable of a port: `api` is GRAVITY_API_PORT."""
    return f"GRAVITY_{name.upper().replace('-', '_')}_PORT"


def _wished(name: str, value: str) -> int:
    if not value.isascii() or not value.isdigit() or not 0 < int(value) < 65_536:
        raise PortInvalid(variable(name), value)
    return int(value)


def any_free(taken: set[int], generator: random.Random) -> int:
    """Return a free port that is not among `taken`."""
    while True:
        port = generator.randint(FIRST, LAST)
        if port not in taken and is_free(port):
            return port


def choose(
    names: Iterable[str],
    environment: Mapping[str, str],
    remembered: Mapping[str, str],
    running: bool,
    generator: random.Random,
) -> dict[str, int]:
    """Return a port for each name; raises PortTaken or PortInvalid for a wished one.

    remembered: the variables of the last start; a port of theirs that is taken may come free within
    GIVEN_BACK_S, which all of them share. `running` says that the stack itself still holds them, so
    that they count as free.
    """
    patience = time.monotonic() + GIVEN_BACK_S
    names = list(names)
    known = {
        name: int(remembered[variable(name)]) for name in names if variable(name) in remembered
    }
    ours = set(known.values()) if running else set()

    def usable(port: int) -> bool:
        while not (port in ours or is_free(port)):
            if port not in known.values() or time.monotonic() > patience:
                return False
            time.sleep(_POLL_S)
        return True

    chosen = {
        name: _wished(name, environment[variable(name)])
        for name in names
        if variable(name) in environment
    }
    for name, port in chosen.items():
        if not usable(port):
            raise PortTaken(variable(name), port)
    for name in names:
        if name not in chosen:
            port = known.get(name, 0)
            kept = port and port not in chosen.values() and usable(port)
            chosen[name] = port if kept else any_free(set(chosen.values()) | ours, generator)
    return {name: chosen[name] for name in names}
