"""The API with the two ceilings in it, a process of its own: `python -m cli.bench.server PORT`."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import APIRouter

    from gravity.kernel import Kernel


def _routers(kernel: "Kernel") -> "list[APIRouter]":
    from cli.bench import ceilings
    from cli.run import api_routers

    return [*api_routers(kernel), ceilings.router(kernel)]


async def _prepare(kernel: "Kernel") -> None:
    from cli.bench import ceilings
    from gravity.bus import create_topics

    await create_topics(kernel.settings.bus_url, [ceilings.TOPIC])
    await kernel.pool.execute(ceilings.TABLE)


def _nothing(_: "Kernel", __: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    return []


def main(port: int) -> None:
    """Serve until told to stop."""
    import uvloop

    from cli.run import serve

    uvloop.run(serve("api", "127.0.0.1", port, _routers, _nothing, _prepare))


if __name__ == "__main__":
    main(int(sys.argv[1]))
