"""People who joined after training, as each method sees them after so many swipes.

Cards are rectangular: person i of p made (or received) `others[i]` in this order, of which the
first n are known and the last are asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from features.behaviour import logit, rate_after
from features.fold_in import LIKE, PASS, FoldIn, Histories
from features.score import Sides, like_logits, log_sigmoid
from training.model import Model

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cards:
    """Of p newcomers: rows (p, N) of the known people they met, and the likes (p, N)."""

    others: Ints
    liked: Bools

    def first(self, n: int) -> "Cards":
        """The first n cards of each."""
        return Cards(self.others[:, :n], self.liked[:, :n])

    def last(self, n: int) -> "Cards":
        """The last n cards of each."""
        return Cards(self.others[:, -n:], self.liked[:, -n:])

    def histories(self) -> Histories:
        """As swipes that the newcomers made."""
        p, n = self.others.shape
        action = np.where(self.liked, LIKE, PASS).astype(np.uint8).ravel()
        return Histories(np.arange(p + 1, dtype=np.int64) * n, self.others.ravel(), action)

    def counts(self) -> Ints:
        """Likes and cards (p, 2)."""
        p, n = self.others.shape
        return np.stack((self.liked.sum(axis=1), np.full(p, n)), axis=1).astype(np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """What somebody begins with: taste, appeal (p, d), rates (p,), float32."""

    taste: Floats
    appeal: Floats
    given_rate: Floats
    received_rate: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Method:
    """A start, and whether it moves with the swipes that come. Where today's differs before the
    first swipe, `untouched` is that."""

    start: Start
    moves: bool
    untouched: Start | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Newcomers:
    """p people of genders (p,) by a model that does not know them."""

    model: Model
    gender: npt.NDArray[np.uint8]

    def sides(self, method: Method, given: Cards, received: Cards) -> Sides:
        """As choosers after the cards `given`, as chosen after those `received`."""
        start = method.start
        if method.untouched is not None and not given.others.size and not received.others.size:
            start = method.untouched
        taste, given_rate, received_rate = start.taste, start.given_rate, start.received_rate
        if method.moves:
            rates = self.model.rates
            nothing = np.zeros((len(taste), 2), np.int64)
            if given.others.size:
                taste = self._fold_in().tastes(given.histories(), start.taste)
            given_rate = rate_after(given_rate, nothing, given.counts(), rates.given_prior.swipes)
            received_rate = rate_after(
                received_rate, nothing, received.counts(), rates.received_prior.swipes
            )
        line = np.zeros((len(taste), 2), np.float32)
        return Sides.of(
            *(taste, start.appeal, given_rate, received_rate, line, self.gender),
            self.model.calibrations,
        )

    def _fold_in(self) -> FoldIn:
        rates = self.model.rates
        return FoldIn(
            appeal=self.model.factors.appeal,
            received_logit=logit(rates.received),
            given_prior=rates.given_prior,
            parameters=self.model.fold_in,
        )


def asked_logits(newcomers: Sides, known: Sides, asked: Cards, *, as_viewers: bool) -> Floats:
    """Logits (p, m) of the cards asked for: newcomers look at the known, or are looked at."""
    p, m = asked.others.shape
    new, old = newcomers.take(np.repeat(np.arange(p), m)), known.take(asked.others.ravel())
    x = like_logits(new, old) if as_viewers else like_logits(old, new)
    return x.reshape(p, m)


def match_matrix(newcomers: Sides, known: Sides) -> Floats:
    """Log probability (p, n) that both like, of every newcomer with every known person."""
    there = (newcomers.k[:, None] * newcomers.taste) @ known.appeal.T + newcomers.offset[:, None]
    there += newcomers.w_received[:, None] * known.received_logit
    back = newcomers.appeal @ (known.k[:, None] * known.taste).T + known.offset
    back += newcomers.received_logit[:, None] * known.w_received
    return np.asarray(log_sigmoid(there) + log_sigmoid(back), np.float32)


def starts(model: Model, band: Ints, towers: Mapping[str, Start]) -> dict[str, Method]:
    """The methods: means, band means, the fold-in as it was without towers, and the towers'."""
    p = len(band)
    by_band = model.cold_start[band]
    means = Start(
        by_band["taste"], by_band["appeal"], by_band["given_rate"], by_band["received_rate"]
    )
    factors, rates = model.factors, model.rates

    def everybodys(values: Floats) -> Floats:
        return np.repeat(values.mean(axis=0, keepdims=True), p, axis=0).astype(np.float32)

    mean = Start(*map(everybodys, (factors.taste, factors.appeal, rates.given, rates.received)))
    # As the stream has it for somebody whom the release does not know (features/release.py).
    today = replace(
        means,
        taste=everybodys(factors.prior),
        given_rate=np.full(p, rates.given_prior.likes / rates.given_prior.swipes, np.float32),
        received_rate=np.full(
            p, rates.received_prior.likes / rates.received_prior.swipes, np.float32
        ),
    )
    methods = {
        "mean": Method(mean, moves=False),
        "band-mean": Method(means, moves=False),
        "fold-in": Method(today, moves=True, untouched=means),
    }
    for name, start in towers.items():
        methods[name] = Method(start, moves=False)
        methods[f"{name}-fold-in"] = Method(start, moves=True)
    return methods
