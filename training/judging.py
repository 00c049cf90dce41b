"""What a fitted model is worth, and how far its exposure may stray."""

from dataclasses import asdict, dataclass

import numpy as np

from features.ranker import heads_of
from training.calibration import (
    counts_before,
    inputs_of,
    predicted,
)
from training.datasets import Datasets, Swipes
from training.eligible_lists import EligibleList, eligible_lists, sample_viewers
from training.evaluation import (
    LikeQuality,
    RankingQuality,
    like_quality,
    ranking_quality,
    retrieval_recall,
)
from training.exposure import choose_tau
from training.fitting import Fitted
from training.photo_audit import Audit, audit_photos
from training.priced_decks import PricedDecks, priced_decks
from training.ranker.examples import logits_of
from training.retrieval import retrieved


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the held-out days say, and the exposure temperature."""

    likes: LikeQuality
    ranking: RankingQuality
    retrieval_recall: float
    decks: PricedDecks
    tau: float
    people: int
    swipes: int
    photo_audit: Audit | None = None

    def metrics(self) -> dict[str, float]:
        """Flat, for experiment tracking and gates; NaN where there was nothing to measure."""
        flat = {
            f"{measure}_{order}": float(value)
            for measure in ("recall_at_20", "ndcg_at_20")
            for order, value in asdict(getattr(self.ranking, measure)).items()
        }
        return (
            flat
            | self._of_photos()
            | self._of_prices()
            | {
                "retrieval_recall_at_20": self.retrieval_recall,
                "evaluated_viewers": float(self.ranking.viewers),
                "auc_learned": self.likes.auc_learned,
                "auc_calibrated": self.likes.auc_calibrated,
                "auc_rates": self.likes.auc_rates,
                "auc_popularity": self.likes.auc_popularity,
                "calibration_error": self.likes.calibration_error,
                "held_out_swipes": float(self.likes.swipes),
                "tau": self.tau,
                "people": float(self.people),
                "swipes": float(self.swipes),
            }
        )

    def _of_prices(self) -> dict[str, float]:
        decks = self.decks
        return {
            "price_mean": decks.price_mean,
            "price_top_decile": decks.price_top_decile,
            "price_share": decks.price_share,
            "deck_gini_priced": decks.gini.priced,
            "deck_gini_free": decks.gini.free,
            "deck_matches_priced": decks.matches.priced,
            "deck_matches_free": decks.matches.free,
        }

    def _of_photos(self) -> dict[str, float]:
        audit = self.photo_audit
        if audit is None:
            return {}
        return {
            "photo_audit_correlation": audit.correlation,
            "photo_audit_low": audit.low,
            "photo_audit_high": audit.high,
            "photo_audit_pairs": float(audit.pairs),
            "photo_audit_passed": float(audit.passed),
        }


def evaluate(datasets: Datasets, fitted: Fitted, seed: int) -> Evaluation:
    """Judge the held model and its ranker by the evaluation days; choose tau on the final one."""
    rng = np.random.default_rng(seed)
    split = datasets.split
    held_out = datasets.swipes.between(split.evaluate, split.end)
    before = datasets.seen.between(0, split.evaluate)
    viewers = sample_viewers(
        held_out.viewer[held_out.liked], fitted.settings.evaluated_viewers, rng
    )
    lists = list(eligible_lists(datasets.people, rng.permutation(viewers), before, datasets.today))
    shorter = lists[: fitted.settings.retrieval_viewers]
    released = fitted.final.sides(), fitted.ranker, fitted.prices
    popularity = fitted.held.rates.counts[:, 2].astype(np.float32)
    return Evaluation(
        likes=_like_quality(datasets, fitted, held_out),
        ranking=ranking_quality(lists, fitted.held.sides(), fitted.ranker, held_out, popularity),
        retrieval_recall=retrieval_recall(shorter, *released),
        decks=priced_decks(shorter, *released),
        tau=_choose_tau(fitted, lists[: fitted.settings.exposure_viewers], rng),
        people=len(datasets.people),
        swipes=len(datasets.swipes),
        photo_audit=audit_photos(datasets, fitted.final, fitted.ranker, seed),
    )


def _like_quality(datasets: Datasets, fitted: Fitted, held_out: Swipes) -> LikeQuality:
    counts = counts_before(datasets, held_out)
    inputs = inputs_of(datasets.people, held_out, counts, fitted.held.factors, fitted.held.rates)
    calibrations = fitted.held.calibrations
    without = {
        g: type(c)(0.0, c.w_given, c.w_received, c.intercept) for g, c in calibrations.items()
    }
    return like_quality(
        learned=logits_of(fitted.ranker, fitted.held, held_out, counts),
        calibrated=predicted(inputs, calibrations),
        rates_only=predicted(inputs, without),
        popularity=inputs.received,
        gender=inputs.gender,
        liked=held_out.liked,
    )


def _choose_tau(fitted: Fitted, lists: list[EligibleList], rng: np.random.Generator) -> float:
    sides = fitted.final.sides()
    scores = []
    for each in lists:
        viewer, candidates = sides.take([each.viewer]), sides.take(each.candidates)
        prices = fitted.prices.take(each.candidates)
        found = retrieved(viewer, candidates, prices)
        heads = heads_of(fitted.ranker, viewer, candidates.take(found))
        scores.append(heads.priced(prices.take(found)))
    return choose_tau(scores, rng)
