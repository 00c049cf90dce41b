"""Tell rankers of people who changed, as services do, until they are in the overlay."""

import re
from typing import Final

import httpx
import numpy as np
import numpy.typing as npt

from cli.bench.world.population import Population
from cli.wait import until
from features.news import tell_changed
from features.person_row import person_row_key
from features.wire import run, send_all
from gravity.kernel import Kernel

_SHARE: Final = re.compile(r"^overlay_share\{.*\} (\S+)$", re.MULTILINE)
_EVERY_S: Final = 0.5


async def tell_changes(kernel: Kernel, population: Population, rows: npt.NDArray[np.int64]) -> None:
    """Return once the ranker's overlay has the visible people of rows (m,), as Redis has them.

    Raises NeverHappened, httpx's errors.
    """
    keys = [person_row_key(person) for person in population.person_id[rows].tolist()]
    heads = [tell_changed(row) for row in await run(kernel.redis.mget(keys)) if row is not None]
    async with httpx.AsyncClient(base_url=kernel.settings.ranker_url) as http:

        async def told() -> bool:
            # Again each time: news may be lost, and to hear them twice changes nothing.
            await send_all(kernel.redis, heads)
            shares = _SHARE.findall((await http.get("/metrics")).text)
            return round(max(map(float, shares), default=0.0) * len(population)) >= len(heads)

        await until(told, f"the overlay of {len(heads)} people", every_s=_EVERY_S)
