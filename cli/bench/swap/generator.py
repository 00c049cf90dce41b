"""The load of `gravity bench swap`, a process of its own: decks at a rate until SIGTERM. Its job
stands on stdin; see `cli.bench.sender`.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

from cli.bench.deck import generator as decks
from cli.bench.sender import Pace, Sender, end
from gravity.kernel import utc_now

_LONGEST_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """Decks of `size` for these viewers in turn, so many a second, at times drawn beforehand."""

    port: int
    viewers: Sequence[int]
    size: int
    jwt_private_key: str
    connections: int
    rate: float


@dataclass(frozen=True, slots=True)
class Dealt:
    """One answer. `due_at`: when its request was due, in seconds since 1970; `cards` and `tokens`
    in the order of the deck; a deck that the ranker did not rank has no release."""

    viewer: int
    due_at: float
    latency_ms: float
    status: int
    deck_id: str = ""
    release: str | None = None
    cards: Sequence[int] = ()
    tokens: Sequence[str] = ()

    @property
    def answered_at(self) -> float:
        """Seconds since 1970."""
        return self.due_at + self.latency_ms / 1000


@dataclass(frozen=True, slots=True)
class Sent:
    """Every answer, in order, and how many connections were lost."""

    dealt: list[Dealt]
    lost: int


class _UntilTold(Sequence[bytes]):
    """Requests for ever, in turn, until told that it is enough."""

    def __init__(self, made: Sequence[bytes]) -> None:
        self._made = made
        self._is_enough = False

    def is_enough(self) -> None:
        """No more."""
        self._is_enough = True

    def __len__(self) -> int:
        return sys.maxsize

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # nobody takes a slice
        return self._made[number % len(self._made)]

    def __iter__(self) -> Iterator[bytes]:
        number = 0
        while not self._is_enough:
            yield self[number]
            number += 1


async def send(job: Job) -> Sent:
    """Send until SIGTERM comes."""
    fixed = decks.Job(
        port=job.port,
        viewers=job.viewers,
        size=job.size,
        jwt_private_key=job.jwt_private_key,
        connections=job.connections,
        seconds=_LONGEST_S,
        most=len(job.viewers),
    )
    made = _UntilTold(list(islice(decks.packets(fixed, utc_now()), len(job.viewers))))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, made.is_enough)
    answers: list[tuple[int, int, bytes]] = []
    lost: list[None] = []
    pace = Pace(job.port, job.connections, _LONGEST_S, job.rate, len(job.viewers))
    sender = Sender(pace, made, lambda *answer: answers.append(answer), lambda: lost.append(None))
    times = await sender.run()
    return Sent(
        [
            _dealt(job.viewers[number % len(job.viewers)], times.due_at[number], ms, status, body)
            for (number, status, body), ms in zip(answers, times.latencies_ms, strict=True)
        ],
        len(lost),
    )


def _dealt(viewer: int, due_at: float, latency_ms: float, status: int, body: bytes) -> Dealt:
    if status != 200:
        return Dealt(viewer, due_at, latency_ms, status)
    deck: dict[str, Any] = json.loads(body)
    return Dealt(
        viewer,
        due_at,
        latency_ms,
        status,
        deck["deck_id"],
        deck["release"],
        [card["id"] for card in deck["cards"]],
        [card["token"] for card in deck["cards"]],
    )


def main() -> None:
    """Do the job that stands on stdin's first line; write what came of it into the file named."""
    import gc

    import uvloop

    job = Job(**json.loads(sys.stdin.readline()))
    gc.freeze()
    gc.disable()
    end(json.dumps(asdict(uvloop.run(send(job)))))


if __name__ == "__main__":
    main()
