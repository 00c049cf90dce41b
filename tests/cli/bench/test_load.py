"""What a benchmark says of latencies: percentiles and histograms, of decks alone."""

import numpy as np
import pytest

from cli.bench.deck.client import Window
from cli.bench.deck.generator import Sent
from cli.bench.deck.load import histogram, step_of


def window(latencies_ms: list[float], refused: list[int], fallbacks: int = 0) -> Window:
    """Two seconds, in which requests were answered in their order."""
    return Window(
        Sent(
            answered=list(range(len(latencies_ms))),
            refused=refused,
            fallbacks=fallbacks,
            others={"503": len(refused)} if refused else {},
            started_at=100.0,
            ended_at=102.0,
            cpu_s=0.1,
            due_at=[100.0] * len(latencies_ms),
            latencies_ms=latencies_ms,
        ),
        {"api": 0.5},
    )


def test_each_bucket_ends_5_percent_above_where_it_begins() -> None:
    took = np.array([1.0, 1.04, 1.06, 1.06, 200.0])
    found = histogram(took)
    assert sum(count for _, count in found) == len(took)
    assert [count for _, count in found] == [1, 1, 2, 1]
    for upper, _ in found:
        inside = took[(took <= upper * 1.0001) & (took > upper / 1.0501)]
        assert len(inside) > 0
    assert histogram(np.empty(0)) == []


def test_what_is_no_deck_counts_as_failed_and_has_no_latency() -> None:
    # Quick refusals would make it look fast.
    step = step_of(window([10.0, 0.1, 30.0, 0.1, 20.0], [1, 3]), None, 5.0, 0.25)
    assert (step["decks"], step["failed"], step["p50_ms"]) == (3, 2, 20.0)
    assert sum(count for _, count in step["histogram"]) == 3


def test_only_ranked_decks_count_as_throughput() -> None:
    sent = window([10.0, 0.1, 30.0, 15.0, 20.0], [1], fallbacks=2)
    assert sent.ranked_per_s == pytest.approx(1.0)
    assert sent.numbers.tolist() == [0, 2, 3, 4]
