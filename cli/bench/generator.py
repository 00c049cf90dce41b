"""The load generator of swipes, a process of its own: `python -m cli.bench.generator RESULT` with a
job on stdin; RESULT is the file that gets what came of it.

It makes all of its requests, says that it is ready, waits for a line, and then sends.
"""

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Final

from cli.bench.packets import Signer, packets
from cli.bench.plan import Load
from cli.bench.sender import Pace, Sender, end
from gravity.kernel import utc_now

_ACCEPTED: Final = b'"accepted"'


@dataclass(frozen=True, slots=True)
class Job:
    """What to send. `most`: requests to make; `rate`: requests a second, 0 for a closed loop."""

    port: int
    path: str
    load: Load
    signer: Signer
    connections: int
    seconds: float
    most: int
    rate: float = 0.0


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it; times as in `cli.bench.sender.Times`.

    `others`: answers other than success, by status, and swipes that were not accepted.
    """

    accepted: int
    others: dict[str, int]
    started_at: float
    ended_at: float
    cpu_s: float
    due_at: list[float]
    latencies_ms: list[float]


class Tally:
    """Counts what became of swipes that go `size` a request."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.accepted = 0
        self.others: Counter[str] = Counter()

    def count(self, _: int, status: int, body: bytes) -> None:
        """Of one answer."""
        # The ceilings answer without a body.
        size = self._size
        accepted = size if status == 204 else body.count(_ACCEPTED) if status == 200 else 0
        self.accepted += accepted
        if accepted < size:
            self.others[f"{status}" if status != 200 else "not accepted"] += size - accepted

    def lost(self) -> None:
        """A connection was closed."""
        self.others["connections lost"] += 1


async def send(job: Job, made: list[bytes]) -> Sent:
    """Send the requests of a job."""
    tally = Tally(job.load.size)
    pace = Pace(job.port, job.connections, job.seconds, job.rate, job.load.first)
    times = await Sender(pace, made, tally.count, tally.lost).run()
    return Sent(
        accepted=tally.accepted,
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

    given = json.loads(sys.stdin.readline())
    load, signer = Load(**given.pop("load")), Signer(**given.pop("signer"))
    job = Job(load=load, signer=signer, **given)
    made = list(islice(packets(load, job.path, signer, utc_now()), job.most))
    gc.freeze()
    gc.disable()
    end(json.dumps(asdict(uvloop.run(send(job, made)))))


if __name__ == "__main__":
    main()
