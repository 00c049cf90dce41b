"""The deck log that `gravity sandbox` ships: a simulated market, as a first release ranked it.

python -m cli.sandbox.sample
"""

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cli.sandbox.command import SAMPLE
from features.ranker import CORE_NAMES
from simulator.history import as_in_lake
from simulator.world import build_world
from training.build import TrainingSettings, counts_before, fit_from_arrays
from training.datasets import datasets_of
from training.ranker.examples import examples_of

_PEOPLE: Final = 5_000
_CARDS: Final = 20_000
_SEED: Final = 11
_UNTIL: Final = datetime(2026, 3, 1, tzinfo=UTC)


def draw_sample(people: int, cards: int, seed: int) -> pa.Table:
    """Answered cards of a market's last days with the logits of factors from before them."""
    with TemporaryDirectory() as folder:
        world = build_world(Path(folder), people, _UNTIL, seed)
        profiles, swipes = pq.read_table(world.profiles), as_in_lake(pq.read_table(world.swipes))
    datasets = datasets_of(profiles, swipes, _UNTIL, _UNTIL)
    model = fit_from_arrays(datasets, TrainingSettings(), seed).past
    pairs = datasets.swipes.between(datasets.split.calibrate, datasets.split.end)
    rng = np.random.default_rng(seed)
    kept = np.sort(rng.permutation(len(pairs))[:cards])
    pairs = pairs.take(kept)
    core = examples_of(model, pairs, counts_before(datasets, pairs)).inputs
    ids = datasets.people.table["person_id"]
    return pa.table(
        {
            "viewer": pa.array(ids[pairs.viewer]),
            "candidate": pa.array(ids[pairs.candidate]),
            "swiped_at": pa.array(pairs.at_ms).cast(pa.timestamp("ms", tz="UTC")),
            "liked": pa.array(pairs.liked),
            "propensity": pa.array(pairs.propensity),
            # Half precision is enough, and packs well.
            **{
                name: pa.array(core[:, i].astype(np.float16).astype(np.float32))
                for i, name in enumerate(CORE_NAMES)
            },
        }
    )


if __name__ == "__main__":
    SAMPLE.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(draw_sample(_PEOPLE, _CARDS, _SEED), SAMPLE, compression="zstd")
