"""Where one deck's time goes, from its trace: each moment belongs to the innermost span."""

import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cli.bench.deck.client import DeckClient, Window
from cli.bench.deck.generator import CLIENT_SPAN, is_traced, trace_id
from cli.bench.deck.traces import Span, Traces
from cli.wait import NeverHappened, until

OTHER: Final = "other"
_API: Final = "api"
_RANKER: Final = "ranker"
# What the spans around the stages stand for where no other is open inside them.
_AROUND: Final = {(_API, "rank"): "hop", (_RANKER, "rank"): OTHER}
_REQUESTS: Final = 800
_ARRIVED_S: Final = 15.0

Say = Callable[[str], None]


class Untraced(Exception):
    """No trace of a ranked deck came in."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Medians in ms in the order of the request; `other` is what they leave of
    `untraced_p50_ms`, the median of the decks between the traced ones.

    What recording itself costs, `traced_p50_ms` less that, lies between the stages and is in none
    of them. `traces`: how many decks it comes from.
    """

    stages_ms: dict[str, float]
    traces: int
    traced_p50_ms: float
    untraced_p50_ms: float


async def measure_stages(client: DeckClient, traces: Traces, seconds: float, say: Say) -> Stages:
    """Decks of one client, every second one traced. Raises Untraced, GeneratorFailed."""
    say("decks, every second one traced")
    window = await client.traced(_REQUESTS, seconds)
    wanted = sum(map(is_traced, window.numbers.tolist())) - window.sent.fallbacks

    async def arrived() -> bool:
        return sum(map(_is_whole, traces.by_trace().values())) >= wanted

    # Of a deck that the ranker was late for there may be all spans: those of others will do.
    with contextlib.suppress(NeverHappened):
        await until(arrived, "the last trace", _ARRIVED_S, every_s=0.2)
    return breakdown(window, traces)


def breakdown(window: Window, traces: Traces) -> Stages:
    """Stages of the traced decks of a window. Raises Untraced."""
    found = traces.by_trace()
    took = dict(zip(window.numbers.tolist(), window.took_ms.tolist(), strict=True))
    decks = [
        _stages_of(spans, latency)
        for number, latency in took.items()
        if _is_whole(spans := found.get(trace_id(number), []))
    ]
    if not decks:
        raise Untraced("no trace of a ranked deck came in")
    # Not of those that went another way than most.
    [(usual, _)] = Counter(map(frozenset, decks)).most_common(1)
    decks = [deck for deck in decks if deck.keys() == usual]
    table = np.array([[deck[name] for name in decks[0]] for deck in decks])
    medians = dict(zip(decks[0], np.median(table, axis=0).round(3).tolist(), strict=True))
    untraced = np.median([ms for number, ms in took.items() if not is_traced(number)])
    del medians[OTHER]
    medians[OTHER] = round(float(untraced) - sum(medians.values()), 3)
    return Stages(
        stages_ms=medians,
        traces=len(decks),
        traced_p50_ms=round(float(np.median(table.sum(axis=1))), 3),
        untraced_p50_ms=round(float(untraced), 3),
    )


def _stages_of(spans: Sequence[Span], latency_ms: float) -> dict[str, float]:
    """What each span of a whole trace took without those inside it, in the order of their start.

    `http` is what the client waited beside the API's own span, `edge` that span until the first
    inside it begins, `answer` from the last one's end.
    """
    spans = [span for span in spans if span.service in (_API, _RANKER)]
    root = _root(spans)
    assert root is not None
    first, last = _inside(root, spans)[0], _inside(root, spans)[-1]
    stages = {
        "http": latency_ms - root.took_ms,
        "edge": (first.start_ns - root.start_ns) / 1e6,
    }
    answer = (root.end_ns - last.end_ns) / 1e6
    for span in spans:
        own = span.took_ms - sum(inner.took_ms for inner in _inside(span, spans))
        name = _AROUND.get((span.service, span.name), span.name)
        if span is root:
            name, own = OTHER, own - stages["edge"] - answer
        stages[name] = stages.get(name, 0.0) + own
    return {**stages, "answer": answer}


def _inside(span: Span, spans: Sequence[Span]) -> list[Span]:
    return [each for each in spans if each.parent == span.id]


def _root(spans: Sequence[Span]) -> Span | None:
    """The API's span around the whole request."""
    return next((span for span in spans if span.parent == CLIENT_SPAN), None)


def _is_whole(spans: Sequence[Span]) -> bool:
    """Whether the spans that end last came in, those around all others of a process."""
    root = _root(spans)
    return root is not None and any((s.service, s.name) == (_RANKER, "rank") for s in spans)
