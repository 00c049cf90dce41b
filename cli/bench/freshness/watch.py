"""Who is found at a place, asked of the ranker again and again, and when that came true."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import httpx

from cli.wait import NeverHappened
from contracts.ranking import Constraints, RetrieveAnswer, RetrieveRequest

EVERY_S: Final = 0.02
# Nobody's id, and so nobody is taken out for having been seen.
_WATCHER: Final = 2**62
_EVERYBODY: Final = 1_000_000
_DEADLINE_S: Final = 30.0

Test = Callable[[Collection[int]], bool]


@dataclass(slots=True)
class Watch:
    """Asks what the index finds for a watcher. One request at a time, 50 a second at most."""

    http: httpx.AsyncClient
    release: str
    today: int
    constraints: Constraints
    found: frozenset[int] = frozenset()
    _waiting: "list[tuple[Test, asyncio.Future[float]]]" = field(default_factory=list)

    async def run(self) -> None:
        """Ask until cancelled. Raises httpx's errors."""
        while True:
            began = perf_counter()
            if self._waiting or not self.found:
                self._tell(await self.ask())
            await asyncio.sleep(max(0.0, began + EVERY_S - perf_counter()))

    async def ask(self) -> frozenset[int]:
        """The people whom the index finds now."""
        request = RetrieveRequest(
            viewer=_WATCHER,
            release=self.release,
            k=_EVERYBODY,
            constraints=self.constraints,
            today=self.today,
        )
        body, headers = request.model_dump_json(), {"content-type": "application/json"}
        response = await self.http.post("/retrieve_all", content=body, headers=headers)
        response.raise_for_status()
        return frozenset(RetrieveAnswer.model_validate_json(response.content).ids)

    def expect(self, test: Test, what: str) -> Awaitable[float]:
        """When an answer first passes the test, by `perf_counter`; raises NeverHappened."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((test, future))
        return _within(future, what)

    def _tell(self, found: frozenset[int]) -> None:
        self.found, now = found, perf_counter()
        for each in list(self._waiting):
            test, future = each
            if future.done():
                self._waiting.remove(each)
            elif test(found):
                self._waiting.remove(each)
                future.set_result(now)


async def _within(future: "asyncio.Future[float]", what: str) -> float:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await future
    except TimeoutError:
        raise NeverHappened(f"{what} did not come within {_DEADLINE_S:.0f} s") from None
