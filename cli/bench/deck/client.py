"""Who asks for decks: the generator with viewers' tokens, and the CPU that all spend meanwhile."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.bench import cpu
from cli.bench.deck.generator import Job, Sent
from cli.bench.driver import GeneratorFailed, generate

# More than anything here answers.
_MOST_PER_S: Final = 1_000
# Of an open loop: more than are ever under way at once, unless it cannot keep up.
_CONNECTIONS: Final = 64

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Window:
    """A job done. `cpu_s`: seconds of CPU by program meanwhile, the generator's among them."""

    sent: Sent
    cpu_s: Mapping[str, float]

    @property
    def took_ms(self) -> Floats:
        """Latency (n,) of each deck, in the order of the answers; of nothing that is no deck."""
        return np.delete(np.array(self.sent.latencies_ms), self.sent.refused)

    @property
    def numbers(self) -> Ints:
        """The number (n,) of each deck's request."""
        return np.delete(np.array(self.sent.answered, np.int64), self.sent.refused)

    @property
    def failed(self) -> int:
        """Answers that are no deck, and connections lost."""
        return sum(self.sent.others.values())

    @property
    def ranked_per_s(self) -> float:
        """Decks a second that the ranker ranked, from the first request to the last answer."""
        sent = self.sent
        return (len(self.took_ms) - sent.fallbacks) / (sent.ended_at - sent.started_at)


@dataclass(frozen=True, slots=True)
class DeckClient:
    """Asks the API at `port` for decks of `size` for these viewers in turn. `pids`: processes
    whose CPU counts, by name."""

    port: int
    viewers: Sequence[int]
    size: int
    jwt_private_key: str
    pids: Mapping[str, int]

    async def closed(self, connections: int, seconds: float, first: int = 0) -> Window:
        """As fast as decks come, over so many connections, beginning with the viewer of that
        number. Raises GeneratorFailed."""
        first %= len(self.viewers)
        asking = replace(self, viewers=[*self.viewers[first:], *self.viewers[:first]])
        return await self._send(asking._job(connections, seconds, seconds * _MOST_PER_S))

    async def open(self, rate: float, seconds: float) -> Window:
        """So many decks a second, at random times drawn beforehand. Raises GeneratorFailed."""
        # By chance some more than expected.
        most = rate * seconds * 1.2 + 50
        return await self._send(self._job(_CONNECTIONS, seconds, most, rate=rate))

    async def traced(self, most: int, seconds: float) -> Window:
        """One client, of whose requests every second one is traced. Raises GeneratorFailed."""
        return await self._send(self._job(1, seconds, most, traced=True))

    def _job(
        self,
        connections: int,
        seconds: float,
        most: float,
        *,
        rate: float = 0.0,
        traced: bool = False,
    ) -> Job:
        return Job(
            port=self.port,
            viewers=self.viewers,
            size=self.size,
            jwt_private_key=self.jwt_private_key,
            connections=connections,
            seconds=seconds,
            most=round(most),
            rate=rate,
            traced=traced,
        )

    async def _send(self, job: Job) -> Window:
        before: dict[str, float] = {}
        said = await generate(
            "cli.bench.deck.generator",
            json.dumps(asdict(job)),
            lambda: before.update(cpu.seconds(self.pids)),
        )
        used = cpu.spent(before, cpu.seconds(self.pids))
        sent = Sent(**json.loads(said))
        window = Window(sent, {**used, "generator": sent.cpu_s})
        if not len(window.took_ms):
            raise GeneratorFailed(f"not one deck came; answers by status: {sent.others}")
        return window


def joined(windows: Sequence[Window]) -> Window:
    """Of jobs of which each went on where the one before had ended, without the time between."""
    others: Counter[str] = Counter()
    cpu_s: Counter[str] = Counter()
    answered: list[int] = []
    refused: list[int] = []
    for window in windows:
        before = len(answered)
        answered += [before + number for number in window.sent.answered]
        refused += [before + place for place in window.sent.refused]
        others.update(window.sent.others)
        cpu_s.update(window.cpu_s)
    sent = [window.sent for window in windows]
    return Window(
        Sent(
            answered=answered,
            refused=refused,
            fallbacks=sum(each.fallbacks for each in sent),
            others=dict(others),
            started_at=sent[0].started_at,
            ended_at=sent[0].started_at + sum(each.ended_at - each.started_at for each in sent),
            cpu_s=sum(each.cpu_s for each in sent),
            due_at=[at for each in sent for at in each.due_at],
            latencies_ms=[ms for each in sent for ms in each.latencies_ms],
        ),
        dict(cpu_s),
    )
