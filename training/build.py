"""From the lake to a release, step by step: the seam between training and the flow `retrain`.

    datasets = prepare(lake_root, now, window_end)          # training.datasets
    pairs = calibration_pairs(datasets, settings, seed)     # held-out swipes, in order of time
    table = pair_table(datasets, pairs)                     # viewer, candidate, event_timestamp
    counts = ...                                            # PairCounts by the point-in-time join
    fitted = fit(datasets, pairs, counts, settings, seed)   # or counts_before(...)
    evaluation = evaluate(datasets, fitted, seed)           # .metrics(): flat dict of floats
    manifest = assemble(datasets, fitted, evaluation, bus_positions, path)

Errors: `NoProfiles` (training.snapshot), `NothingToLearn`, `TooFewDays` (training.datasets).
Equal inputs and seeds give equal releases. The join's keys are `viewer` (counts given) and
`candidate` (counts received), as of the midnight (UTC) of the swipe's day.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

import features
import training
from features.release import (
    FeatureField,
    Manifest,
    ReleaseArrays,
    TrainingWindow,
    write_release,
)
from features.score import Calibrations, candidate_vectors, match_scores, query_vectors
from training.calibration import (
    PairCounts,
    calibrate,
    counts_before,
    inputs_of,
    midnight_ms,
    predicted,
)
from training.coordinates import Own, own_coordinates
from training.datasets import Datasets, Swipes, prepare
from training.eligible_lists import EligibleList, eligible_lists, sample_viewers
from training.evaluation import (
    RETRIEVED,
    LikeQuality,
    RankingQuality,
    like_quality,
    ranking_quality,
    retrieval_recall,
)
from training.exposure import choose_tau
from training.factors import (
    Factors,
    FactorSettings,
    find_basis,
    fit_factors,
    fold_in_parameters,
)
from training.model import Model, model_of, with_lines
from training.rates import count, live_rates
from training.standing import fit_standing

__all__ = [
    "Evaluation",
    "Fitted",
    "TrainingSettings",
    "assemble",
    "calibration_pairs",
    "counts_before",
    "evaluate",
    "fit",
    "pair_table",
    "prepare",
]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How much of what; the defaults are those of docs/decisions/0040."""

    factors: FactorSettings = FactorSettings()  # noqa: RUF009  (frozen)
    most_calibration_pairs: int = 200_000
    evaluated_viewers: int = 3_000
    retrieval_viewers: int = 500
    exposure_viewers: int = 200


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """`held` saw nothing of the evaluation days and is judged; `final` saw all and is released."""

    held: Model
    final: Model
    settings: TrainingSettings


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the held-out days say, and the exposure temperature."""

    likes: LikeQuality
    ranking: RankingQuality
    retrieval_recall: float
    tau: float
    people: int
    swipes: int

    def metrics(self) -> dict[str, float]:
        """Flat, for experiment tracking and gates; NaN where there was nothing to measure."""
        flat = {
            f"{measure}_{order}": float(value)
            for measure in ("recall_at_20", "ndcg_at_20")
            for order, value in asdict(getattr(self.ranking, measure)).items()
        }
        return flat | {
            "retrieval_recall_at_20": self.retrieval_recall,
            "evaluated_viewers": float(self.ranking.viewers),
            "auc_learned": self.likes.auc_learned,
            "auc_rates": self.likes.auc_rates,
            "auc_popularity": self.likes.auc_popularity,
            "calibration_error": self.likes.calibration_error,
            "held_out_swipes": float(self.likes.swipes),
            "tau": self.tau,
            "people": float(self.people),
            "swipes": float(self.swipes),
        }


def calibration_pairs(datasets: Datasets, settings: TrainingSettings, seed: int) -> Swipes:
    """A random sample of the calibration days' swipes, in order of time."""
    pairs = datasets.swipes.between(datasets.split.calibrate, datasets.split.evaluate)
    if len(pairs) <= settings.most_calibration_pairs:
        return pairs
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(pairs), settings.most_calibration_pairs, replace=False)
    return pairs.take(np.sort(chosen))


def pair_table(datasets: Datasets, pairs: Swipes) -> pa.Table:
    """Rows for the point-in-time join: ids, the midnight before each swipe, and the action."""
    ids = datasets.people.table["person_id"]
    midnight = pa.array(midnight_ms(pairs)).cast(pa.timestamp("ms", tz="UTC"))
    return pa.table(
        {
            "viewer": pa.array(ids[pairs.viewer]),
            "candidate": pa.array(ids[pairs.candidate]),
            "event_timestamp": midnight,
            "action": pa.array(pairs.action),
        }
    )


def fit(
    datasets: Datasets, pairs: Swipes, counts: PairCounts, settings: TrainingSettings, seed: int
) -> Fitted:
    """Learn factors before the calibration days, calibrate on those, refit for judging and use."""
    rng = np.random.default_rng(seed)
    people, split, how = datasets.people, datasets.split, settings.factors
    past = datasets.swipes.between(split.start, split.calibrate)
    own = own_coordinates(people, past)
    standing = fit_standing(past, own.all)
    rates = live_rates(standing, _counts(datasets, split.calibrate))
    basis = find_basis(past, people, own, standing, rates, how, rng)
    factors = fit_factors(past, people, standing, rates, basis, how, rng)
    calibrations = calibrate(inputs_of(datasets, pairs, counts, factors, rates), pairs.liked)
    held = _refit(datasets, own, split.evaluate, factors, calibrations, how, rng)
    final = _refit(datasets, own, split.end, held.factors, calibrations, how, rng)
    return Fitted(held, with_lines(final, people, datasets.today, rng), settings)


def _counts(datasets: Datasets, end_day: int) -> Ints:
    return count(datasets.seen.between(0, end_day), len(datasets.people))


def _refit(
    datasets: Datasets,
    own: Own,
    end_day: int,
    start: Factors,
    calibrations: Calibrations,
    how: FactorSettings,
    rng: np.random.Generator,
) -> Model:
    """The model after all swipes before a day, in the directions found already."""
    people = datasets.people
    swipes = datasets.swipes.between(datasets.split.start, end_day)
    standing = fit_standing(swipes, own.all)
    rates = live_rates(standing, _counts(datasets, end_day))
    factors = fit_factors(
        swipes, people, standing, rates, start.basis, how, rng, start=start.latent
    )
    parameters = fold_in_parameters(standing, how)
    return model_of(people, factors, rates, calibrations, parameters)


def evaluate(datasets: Datasets, fitted: Fitted, seed: int) -> Evaluation:
    """Judge the held model by the evaluation days; choose tau on the final one."""
    rng = np.random.default_rng(seed)
    split = datasets.split
    held_out = datasets.swipes.between(split.evaluate, split.end)
    before = datasets.seen.between(0, split.evaluate)
    viewers = sample_viewers(
        held_out.viewer[held_out.liked], fitted.settings.evaluated_viewers, rng
    )
    lists = list(eligible_lists(datasets.people, rng.permutation(viewers), before, datasets.today))
    popularity = fitted.held.rates.counts[:, 2].astype(np.float32)
    return Evaluation(
        likes=_like_quality(datasets, fitted, held_out),
        ranking=ranking_quality(lists, fitted.held.sides(), held_out, popularity),
        retrieval_recall=retrieval_recall(
            lists[: fitted.settings.retrieval_viewers], fitted.final.sides()
        ),
        tau=_choose_tau(fitted, lists[: fitted.settings.exposure_viewers], rng),
        people=len(datasets.people),
        swipes=len(datasets.swipes),
    )


def _like_quality(datasets: Datasets, fitted: Fitted, held_out: Swipes) -> LikeQuality:
    counts = counts_before(datasets, held_out)
    inputs = inputs_of(datasets, held_out, counts, fitted.held.factors, fitted.held.rates)
    calibrations = fitted.held.calibrations
    without = {
        g: type(c)(0.0, c.w_given, c.w_received, c.intercept) for g, c in calibrations.items()
    }
    return like_quality(
        learned=predicted(inputs, calibrations),
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
        linear = candidate_vectors(candidates) @ query_vectors(viewer)[0]
        retrieved = np.argsort(-linear, kind="stable")[:RETRIEVED]
        scores.append(match_scores(viewer, candidates.take(retrieved)))
    return choose_tau(scores, rng)


def assemble(
    datasets: Datasets,
    fitted: Fitted,
    evaluation: Evaluation,
    bus_positions: Mapping[str, Mapping[int, int]],
    path: Path,
) -> Manifest:
    """Write the release folder. `bus_positions`: where each topic's snapshot ends, by partition.

    Raises `ReleaseExists`.
    """
    model, d = fitted.final, fitted.settings.factors.d
    manifest = Manifest(
        d=d,
        people=len(datasets.people),
        training_window=TrainingWindow(start=datasets.window_start, end=datasets.window_end),
        snapshot_at=datasets.snapshot_at,
        bus_positions={topic: dict(of_topic) for topic, of_topic in bus_positions.items()},
        features=signature(d),
        fold_in=model.fold_in,
        given_prior=model.rates.given_prior,
        received_prior=model.rates.received_prior,
        tau=evaluation.tau,
        calibration=model.calibrations,
        evaluation={name: _finite(value) for name, value in evaluation.metrics().items()},
        data_hash=datasets.data_hash,
        code_hash=code_hash(),
        files={},
    )
    return write_release(path, manifest, _arrays(datasets, model))


def _finite(value: float) -> float | None:
    """JSON knows no NaN."""
    return value if np.isfinite(value) else None


def _arrays(datasets: Datasets, model: Model) -> ReleaseArrays:
    people = datasets.people
    seen_indptr, seen_ids = _seen(datasets)
    return ReleaseArrays(
        person_id=np.asarray(people.table["person_id"], np.int64),
        columns=people.table,
        cell=people.cell,
        taste=model.factors.taste,
        taste_prior=model.factors.prior,
        appeal=model.factors.appeal,
        given_rate=model.rates.given,
        received_rate=model.rates.received,
        counts=model.rates.counts,
        line=model.line,
        candidate_vectors=candidate_vectors(model.sides()),
        seen_indptr=seen_indptr,
        seen_ids=seen_ids,
        cold_start=model.cold_start,
    )


def _seen(datasets: Datasets) -> tuple[Ints, Ints]:
    """Sorted ids that each row's person swiped: indptr (n + 1,), ids (m,)."""
    seen, n = datasets.seen, len(datasets.people)
    ids = np.asarray(datasets.people.table["person_id"], np.int64)[seen.candidate]
    order = np.lexsort((ids, seen.viewer))
    counts = np.bincount(seen.viewer, minlength=n)
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64), ids[order]


def signature(d: int) -> tuple[FeatureField, ...]:
    """What ranking reads of a person; `factors` stands for the view of this release's id."""
    return (
        FeatureField(view="factors", name="taste", dtype=f"float32[{d}]"),
        FeatureField(view="factors", name="given_rate", dtype="float32"),
        FeatureField(view="factors", name="received_rate", dtype="float32"),
    )


_SOURCES: Final = (features, training)


def code_hash() -> str:
    """sha256 of the sources that learn and score."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        for source in sorted(Path(package.__path__[0]).glob("*.py")):
            digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()
