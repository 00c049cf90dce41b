"""The load generator of decks, a process of its own: `python -m cli.bench.deck.generator` with a
job on stdin; see `cli.bench.sender`.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import Final

from cli.bench.sender import Pace, Sender, end
from gravity.issuer import issue
from gravity.kernel import utc_now

_FALLBACK: Final = b'"policy":"fallback"'
_TTL: Final = timedelta(hours=1)
CLIENT_SPAN: Final = 1
"""The id of the span that the client would have; the API's own is its child."""
# The upper half of the ids of traces; any but zero.
_TRACES: Final = 0x6465636B


@dataclass(frozen=True, slots=True)
class Job:
    """Decks of `size` for these viewers in turn, `most` at most; `rate`: decks a second, 0 for a
    closed loop; `traced`: every second request says that it wants to be traced."""

    port: int
    viewers: Sequence[int]
    size: int
    jwt_private_key: str
    connections: int
    seconds: float
    most: int
    rate: float = 0.0
    traced: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it; times as in `cli.bench.sender.Times`.

    `answered`: the number of the request of each latency, and so the viewer's; `refused`: at which
    places of it the answer is no deck, and `others` how many by status; `fallbacks`: decks that the
    ranker did not rank.
    """

    answered: list[int]
    refused: list[int]
    fallbacks: int
    others: dict[str, int]
    started_at: float
    ended_at: float
    cpu_s: float
    due_at: list[float]
    latencies_ms: list[float]


class Tally:
    """Counts what was answered."""

    def __init__(self) -> None:
        self.answered: list[int] = []
        self.refused: list[int] = []
        self.fallbacks = 0
        self.others: Counter[str] = Counter()

    def count(self, number: int, status: int, body: bytes) -> None:
        """Of one answer."""
        if status != 200:
            self.refused.append(len(self.answered))
            self.others[f"{status}"] += 1
        elif _FALLBACK in body:
            self.fallbacks += 1
        self.answered.append(number)

    def lost(self) -> None:
        """A connection was closed."""
        self.others["connections lost"] += 1


def packets(job: Job, now: datetime) -> Iterator[bytes]:
    """Each request as HTTP/1.1, with the viewer's token, for ever: a new deck each time."""
    made = [
        (
            f"GET /v1/deck?size={job.size} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Bearer {issue(job.jwt_private_key, viewer, now, _TTL)}\r\n"
        ).encode()
        for viewer in job.viewers
    ]
    for number, head in enumerate(cycle(made)):
        wanted = (
            b"traceparent: %b\r\n" % traceparent(number)
            if job.traced and is_traced(number)
            else b""
        )
        yield b"%b%b\r\n" % (head, wanted)


def is_traced(number: int) -> bool:
    """Whether a request is traced, in a job where every second one is."""
    return number % 2 == 1


def trace_id(number: int) -> int:
    """Of the trace of a request."""
    return (_TRACES << 64) + number


def traceparent(number: int) -> bytes:
    """The header, W3C, that has a request traced."""
    return b"00-%032x-%016x-01" % (trace_id(number), CLIENT_SPAN)


async def send(job: Job, made: list[bytes]) -> Sent:
    """Send the requests of a job."""
    tally = Tally()
    pace = Pace(job.port, job.connections, job.seconds, job.rate, len(job.viewers))
    times = await Sender(pace, made, tally.count, tally.lost).run()
    return Sent(
        answered=tally.answered,
        refused=tally.refused,
        fallbacks=tally.fallbacks,
        others=dict(tally.others),
        started_at=times.started_at,
        ended_at=times.ended_at,
        cpu_s=times.cpu_s,
        due_at=times.due_at,
        latencies_ms=times.latencies_ms,
    )


def main() -> None:
    """Do the job that stands on stdin's first line; write what came of it into the file named."""
    import gc

    import uvloop

    job = Job(**json.loads(sys.stdin.readline()))
    made = list(islice(packets(job, utc_now()), job.most))
    gc.freeze()
    gc.disable()
    end(json.dumps(asdict(uvloop.run(send(job, made)))))


if __name__ == "__main__":
    main()
