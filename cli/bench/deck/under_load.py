"""What comes beyond one client: load, CPU, and where the time of a deck goes."""

from collections.abc import Callable
from typing import TypedDict

from cli.bench.deck.client import DeckClient, Window
from cli.bench.deck.load import Step, Trial, saturate, shares, step_of
from cli.bench.deck.stages import measure_stages
from cli.bench.deck.traces import Traces

Say = Callable[[str], None]


class UnderLoad(TypedDict):
    """`decks_per_s`: ranked ones of the best of the trials `saturation`, and `cpu_us` what each
    program spent on a deck of it; the load generator runs on the same cores. `load`: the one
    client, then an open loop at shares of `decks_per_s`. `failed`: answers that are no deck, under
    whatever load.

    `stages_ms`, `traces`, `traced_p50_ms`, `untraced_p50_ms`: as in `stages.Stages`.
    """

    decks_per_s: float
    saturation: list[Trial]
    load: list[Step]
    cpu_us: dict[str, float]
    failed: int
    stages_ms: dict[str, float]
    traces: int
    traced_p50_ms: float
    untraced_p50_ms: float


async def under_load(
    client: DeckClient, traces: Traces, alone: Window, seconds: float, say: Say
) -> UnderLoad:
    """All of it, `seconds` a step; `alone` is what one client got.

    Raises GeneratorFailed, Untraced.
    """
    saturation = await saturate(client, alone, seconds / 2, say)
    most = saturation.best.ranked_per_s
    one = step_of(alone, 1, alone.ranked_per_s, alone.ranked_per_s / most)
    load = [one, *await shares(client, most, seconds, say)]
    stages = await measure_stages(client, traces, seconds, say)
    return UnderLoad(
        decks_per_s=round(most, 1),
        saturation=saturation.trials,
        load=load,
        cpu_us=saturation.cpu_us,
        # The one client is among the trials.
        failed=saturation.failed + sum(step["failed"] for step in load[1:]),
        stages_ms=stages.stages_ms,
        traces=stages.traces,
        traced_p50_ms=stages.traced_p50_ms,
        untraced_p50_ms=stages.untraced_p50_ms,
    )
