"""Matches in decks of a simulated market, judged by its truth: which nothing that learns sees."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Found, Say
from cli.evaluate.simulated import simulate

if TYPE_CHECKING:
    from features.score import Sides
    from simulator.tastes import Market
    from training.datasets import Datasets
    from training.eligible_lists import EligibleList

Floats = npt.NDArray[np.float64]

TASK: Final = "simulated"
MARKET_MODULES: Final = (
    "cli.evaluate.reciprocal_market",
    "training.reciprocal.swipe_sources",
    "simulator.history",
)
_MEASURE: Final = "matches_of_oracle"
_DECK: Final = 20
_LEAST_ELIGIBLE: Final = 60
_REPLICATES: Final = 1000


@dataclass(frozen=True, slots=True)
class MarketSize:
    """Of how many people, with how many swipes each on average; how many viewers are judged."""

    people: int
    swipes_each: float
    viewers: int


def measure_market(size: MarketSize, seed: int, say: Say) -> Sequence[Found]:
    """Expected matches in decks of 20 as a share of the best decks', by sources and orders."""
    import torch

    from training.reciprocal.swipe_sources import SOURCES, Window

    # On a machine that others use too, its threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    say("drawing the market")
    drawn = simulate(size.people, seed, size.swipes_each)
    datasets, truth = drawn.datasets, drawn.truth
    judge = _Judge.of(datasets, truth, size.viewers, seed)
    window = Window.of(datasets, seed)
    found: list[Found] = []
    for name, sources in SOURCES.items():
        say(name)
        only_product = name == "rates alone"
        found += judge.rows(name, window.sides(sources, seed), only_product)
    say("as released")
    return found + judge.rows("gravity", window.shipped(seed), False)


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Lists of unseen eligible people of some viewers, and the true P(match) of each."""

    lists: "Sequence[EligibleList]"
    p_match: Sequence[Floats]
    seed: int

    @classmethod
    def of(cls, datasets: "Datasets", truth: "Market", viewers: int, seed: int) -> "_Judge":
        from training.eligible_lists import eligible_lists

        rng = np.random.default_rng([seed, 7])
        asked = rng.permutation(np.unique(datasets.swipes.viewer))[: 2 * viewers]
        lists = list(
            eligible_lists(datasets.people, asked, datasets.seen, datasets.today, _LEAST_ELIGIBLE)
        )[:viewers]
        ids = np.asarray(datasets.people.table["person_id"], np.int64)
        p_match = []
        for each in lists:
            others = ids[each.candidates]
            one = np.full(len(others), ids[each.viewer])
            p_match.append(truth.p_like(one, others) * truth.p_like(others, one))
        return cls(lists, p_match, seed)

    def rows(self, name: str, sides: "Sides", only_product: bool) -> list[Found]:
        """A row for each order of one source, with a bootstrap over viewers."""
        best = np.array([np.sort(p)[-_DECK:].sum() for p in self.p_match])
        got: dict[str, list[float]] = {}
        for each, p in zip(self.lists, self.p_match, strict=True):
            for order, score in _orders(sides, each).items():
                chosen = np.argsort(-score, kind="stable")[:_DECK]
                got.setdefault(order, []).append(float(p[chosen].sum()))
        return [
            _share(f"{name} {order}", np.array(values), best, self.seed)
            for order, values in got.items()
            if order == "product" or not only_product
        ]


def _orders(sides: "Sides", of: "EligibleList") -> Mapping[str, npt.NDArray[np.float32]]:
    """Scores (m,) of one viewer's candidates by each order."""
    from features.score import like_logits, match_scores

    viewer, candidates = sides.take([of.viewer]), sides.take(of.candidates)
    there, back = like_logits(viewer, candidates), like_logits(candidates, viewer)
    p, q = (1.0 / (1.0 + np.exp(-x.astype(np.float64))) for x in (there, back))
    raw = candidates.appeal @ viewer.taste[0] + candidates.taste @ viewer.appeal[0]
    return {
        "one side": there,
        "raw sum": raw,
        "sum of logits": there + back,
        "product": match_scores(viewer, candidates),
        "harmonic mean": (p * q / np.maximum(p + q, 1e-12)).astype(np.float32),
    }


def _share(method: str, got: Floats, best: Floats, seed: int) -> Found:
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, len(got), (_REPLICATES, len(got)))
    low, high = np.quantile(got[drawn].sum(axis=1) / best[drawn].sum(axis=1), (0.025, 0.975))
    value = float(got.sum() / best.sum())
    return Found(TASK, _MEASURE, method, value, float(low), float(high))
