"""Su, Bayoumi and Joachims's market: candidates get lists of jobs, whose employers read them."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from cli.evaluate.market_prices import Pricing, pricings
from cli.evaluate.plan import Found, Say
from training.market.congestion import best_exposures
from training.market.prices import Serving, solve
from training.market.rankings import Floats, drawn, examination, ranked
from training.market.shortlists import Shortlists, by_position
from training.market.su import Applications
from training.market.transferable import transferable_matching

EXACT: Final = "gravity-exact"
_TU_BETA: Final = 0.1
_PUBLISHED: Final = {0.0: 198.5, 0.25: 173.5, 0.5: 152.7, 0.75: 134.2, 1.0: 118.2}
"""Of their method, by how much all agree."""


def measure(common: float, steps: int, draws: int, seed: int, say: Say) -> Sequence[Found]:
    """Expected matches of every method where all agree to the share `common`."""
    market = Applications.published(common)
    task = f"su-{common:g}"

    def row(method: str, exposures: Floats) -> Found:
        reference = _PUBLISHED[common] if method == EXACT else None
        return Found(task, "matches", method, market.matches(exposures), reference=reference)

    say("rankings")
    mu = transferable_matching(market.f + market.g.T, _TU_BETA)
    found = [
        row("naive", ranked(market.f)),
        row("reciprocal", ranked(market.f * market.g.T)),
        row("tu-matching", ranked(mu)),
    ]
    say("the best policy")
    found.append(row(EXACT, best_exposures(market)))
    say("prices")
    for pricing in pricings(steps):
        rng = np.random.default_rng(seed)
        found.append(row(pricing.method, _priced(market, pricing, draws, rng)))
    return found


def _priced(market: Applications, pricing: Pricing, draws: int, rng: np.random.Generator) -> Floats:
    """Mean exposures (c, j) of decks as they are drawn by prices."""
    jobs = len(market.g)
    v = examination(jobs)
    everybody = Shortlists.dense(market.f, market.g.T, v.sum())
    serving = Serving(by_position(v), pricing.tau)
    attention = np.ones(jobs, np.float32)
    prices = solve([everybody], attention, serving, rng, pricing.steps, pricing.shape)
    return drawn(everybody.scores(prices), pricing.tau, draws, rng)
