"""The API with the empty hops in it, a process: `python -m cli.bench.deck.server PORT`."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import APIRouter

    from gravity.kernel import Kernel


def _routers(kernel: "Kernel") -> "list[APIRouter]":
    from cli.bench.deck import hops
    from cli.run import api_routers

    return [*api_routers(kernel), hops.router(kernel)]


async def _unprepared(_: "Kernel") -> None:
    return


def _nothing(_: "Kernel", __: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    return []


def main(port: int) -> None:
    """Serve until told to stop."""
    import uvloop

    from cli.run import serve

    uvloop.run(serve("api", "127.0.0.1", port, _routers, _nothing, _unprepared))


if __name__ == "__main__":
    main(int(sys.argv[1]))
