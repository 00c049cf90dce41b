"""What a deck cannot cost less than: two empty hops, the raw read of its rows, the fastest scan."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt

from cli.bench.deck import hops
from cli.bench.deck.asked import Asked, asked_of
from cli.bench.deck.kept import Kept
from cli.bench.deck.population import Served
from cli.bench.deck.rows import RawRedis, commands_of
from cli.bench.deck.scans import SCANS
from cli.own_stack import OwnStack
from features.release import Release
from features.signature import Signature
from serving.store import seen_since

VIEWERS: Final = 300
"""Whose floor is taken."""

_WARM_UP: Final = 5
_IN_A_ROW: Final = 3


class HopsFailed(Exception):
    """The empty endpoints answered something else."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds for one viewer. `scans`: by name."""

    hops: float
    redis: float
    scans: dict[str, float]

    @property
    def scan(self) -> float:
        """The fastest."""
        return min(self.scans.values())

    @property
    def total(self) -> float:
        """One after the other."""
        return self.hops + self.redis + self.scan


class FloorParts(TypedDict):
    """Medians over viewers in ms. `scan`: of the fastest for each of them; `scans`: by name."""

    hops: float
    redis: float
    scan: float
    scans: dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Floor:
    """Takes it with one client that does nothing else meanwhile. `reads`: the commands of each of
    `asked`; `table` (n, w) float32: the vectors of the release; `token` of some viewer."""

    asked: Sequence[Asked]
    reads: Sequence[Sequence[bytes]]
    table: npt.NDArray[np.float32]
    api: Kept
    token: str
    redis: RawRedis

    def warm_up(self) -> None:
        """Open what is opened by use: connections close when they are idle. Raises HopsFailed."""
        for _ in range(_WARM_UP):
            self._hop()
        self.take(0)

    def take(self, number: int) -> Taken:
        """Of one viewer. Raises HopsFailed, OSError, and the error replies of Redis."""
        asked = self.asked[number]
        commands, count = b"".join(self.reads[number]), len(self.reads[number])
        # Some in a row, as decks come: the first finds processes that have slept.
        hops_ms = min(_ms(self._hop) for _ in range(_IN_A_ROW))
        reading = partial(self.redis.ask, commands, count)
        redis_ms = min(_ms(reading) for _ in range(_IN_A_ROW))
        for scan in SCANS.values():
            # Of another viewer: the code is warm then, these vectors are not.
            scan(self.table, self.asked[number - 1])
        scans = {name: _ms(partial(scan, self.table, asked)) for name, scan in SCANS.items()}
        return Taken(hops_ms, redis_ms, scans)

    def _hop(self) -> None:
        status = self.api.get(hops.PATH, self.token).status
        if status != 204:
            raise HopsFailed(f"the empty hops answered {status}")


@contextmanager
def open_floor(
    stack: OwnStack, served: Served, token: str, say: Callable[[str], None]
) -> Iterator[Floor]:
    """The floor of the first viewers of a population. Raises OSError, ReleaseCorrupt."""
    say(f"what the decks of {min(VIEWERS, len(served.viewers))} viewers have to look at")
    release = Release.open(stack.settings.home / "releases" / served.release)
    asked = list(asked_of(served.population, served.seen, release, served.viewers[:VIEWERS]))
    signature = Signature.of_release(release.manifest.features, served.release)
    fields = [name for group in signature.views for name in group.fields]
    since = seen_since(release.manifest.training_window.end)
    reads = [commands_of(each, fields, since) for each in asked]
    table = np.asarray(release.arrays.candidate_vectors)
    with Kept(stack.port("api")) as api, RawRedis(stack.settings.redis_url) as redis:
        yield Floor(asked, reads, table, api, token, redis)


def parts(taken: Sequence[Taken]) -> FloorParts:
    """Of viewers, at least one."""
    return FloorParts(
        hops=_median([each.hops for each in taken]),
        redis=_median([each.redis for each in taken]),
        scan=_median([each.scan for each in taken]),
        scans={name: _median([each.scans[name] for each in taken]) for name in SCANS},
    )


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def _median(took_ms: Sequence[float]) -> float:
    return round(float(np.median(took_ms)), 3)
