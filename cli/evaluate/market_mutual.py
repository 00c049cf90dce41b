"""Tomita and Yokoyama's market: both sides get lists, and places on them are envied."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from cli.evaluate.market_prices import Pricing, pricings
from cli.evaluate.plan import Found, Say
from training.market.prices import Serving, solve
from training.market.rankings import drawn, examination, ranked
from training.market.shortlists import Shortlists, by_position
from training.market.tomita_yokoyama import MutualMarket
from training.market.transferable import transferable_matching
from training.market.welfare import Policies, best_policies, most_matches, nash

TASK: Final = "tomita-yokoyama"
EXACT: Final = "gravity-exact"
_TU_BETA: Final = 1.0
_PUBLISHED: Final = {"matches": 16.5096, "envies": 35, "envies_left": 28, "envies_right": 7}
"""Of their social welfare."""


def measure(steps: int, draws: int, seed: int, say: Say) -> Sequence[Found]:
    """Expected matches and envies of every method."""
    market = MutualMarket.published()
    say("rankings")
    found = [
        *_rows("naive", market, Policies(ranked(market.left_likes), ranked(market.right_likes))),
        *_rows("reciprocal", market, Policies(ranked(market.both), ranked(market.both.T))),
        *_rows("tu-matching", market, _transferable(market)),
    ]
    say("the best policies")
    found += _rows(EXACT, market, most_matches(market, np.random.default_rng(seed)))
    found += _rows("gravity-nash", market, best_policies(market, nash))
    say("prices")
    for pricing in pricings(steps):
        policies = _priced(market, pricing, draws, np.random.default_rng(seed))
        found += _rows(pricing.method, market, policies)
    return found


def _transferable(market: MutualMarket) -> Policies:
    mu = transferable_matching(market.left_likes + market.right_likes.T, _TU_BETA)
    return Policies(ranked(mu), ranked(mu.T))


def _priced(
    market: MutualMarket, pricing: Pricing, draws: int, rng: np.random.Generator
) -> Policies:
    """Mean of drawn decks of both sides by the prices of one market of all."""
    left, right = market.both.shape
    v = examination(max(left, right))
    there, back = market.left_likes, market.right_likes
    sides = (
        Shortlists.dense(there, back.T, v[:right].sum(), first=left),
        Shortlists.dense(back, there.T, v[:left].sum()),
    )
    attention = np.ones(left + right, np.float32)
    prices = solve(
        sides, attention, Serving(by_position(v), pricing.tau), rng, pricing.steps, pricing.shape
    )
    return Policies(*(drawn(side.scores(prices), pricing.tau, draws, rng) for side in sides))


def _rows(method: str, market: MutualMarket, policies: Policies) -> list[Found]:
    envies = market.envies(policies.left, policies.right)
    counts = {
        "envies": envies.left + envies.right,
        "envies_left": envies.left,
        "envies_right": envies.right,
    }
    published = _PUBLISHED if method == EXACT else {}
    matches = market.matches(policies.left, policies.right)
    return [
        Found(TASK, "matches", method, matches, reference=published.get("matches")),
        *(
            Found(TASK, name, method, count, reference=published.get(name), better="lower")
            for name, count in counts.items()
        ),
    ]
