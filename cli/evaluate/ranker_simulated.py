"""The ranker on the last days of a simulated market, whose truth only this file sees."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Found, Say
from cli.evaluate.simulated import simulate
from features.score import like_logits
from simulator.tastes import Market
from training.datasets import Datasets
from training.eligible_lists import EligibleList, eligible_lists, sample_viewers
from training.evaluation import TOP
from training.fitting import Fitted, TrainingSettings, fit_from_arrays
from training.ranker.contest import RANKER, Contest, hold_contest
from training.ranker.contest import log_matches as log_matches_by
from training.ranker.measures import Bootstrap, Estimate, auc, log_loss, mean
from training.reliability.bins import calibration_error

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]

TASK: Final = "simulated"
ONE_SIDED: Final = "one-sided"
_MATCHES: Final = "expected_matches_at_20"
_DRAWS: Final = 400
_CALIBRATED: Final = 0.02
_MEASURES: Final = {"auc": auc, "log_loss": log_loss}


def measure(people: int, viewers: int, tried: int, seed: int, say: Say) -> Sequence[Found]:
    """Likes of the held-out days, and expected matches of the 20 best of `viewers` viewers.

    `tried`: settings that the trees may try.
    """
    say(f"a market of {people} people")
    drawn = simulate(people, seed)
    datasets = drawn.datasets
    how = TrainingSettings()
    say("fitting factors")
    fitted = fit_from_arrays(datasets, how, seed)
    contest = hold_contest(datasets, fitted, tried, seed, say)
    say("resampling viewers")
    rows = list(_of_likes(contest))
    say("ranking everybody eligible")
    matches = _matches(datasets, fitted, contest, drawn.truth, viewers, seed)
    return rows + list(_of_matches(matches))


def _of_likes(contest: Contest) -> Iterator[Found]:
    """Rows of how well likes are predicted; swipes of one viewer go together in the resampling."""
    examples = contest.examples
    _, group = np.unique(contest.held_out.viewer, return_inverse=True)
    bootstrap = Bootstrap(group.astype(np.int64), _DRAWS, 0)
    logits = {name: of(examples.inputs, examples.base) for name, of in contest.likes.items()}
    for measure_name, of_scores in _MEASURES.items():
        found = {
            name: bootstrap.estimate(of_scores(x, examples.liked)) for name, x in logits.items()
        }
        for name, estimate in found.items():
            yield _found(measure_name, name, estimate, None)
        yield from _differences(measure_name, found)
    for name, x in logits.items():
        p = 0.5 * (1.0 + np.tanh(0.5 * x.astype(np.float64)))
        error = calibration_error(p, examples.liked, contest.held_out.viewer)
        wanted = _CALIBRATED if name == RANKER else None
        yield Found(TASK, "ece", name, error.value, error.low, error.high, wanted, "lower")


def _matches(
    datasets: Datasets,
    fitted: Fitted,
    contest: Contest,
    truth: Market,
    viewers: int,
    seed: int,
) -> dict[str, Floats64]:
    """Expected matches (v,) by the truth among the 20 best of everybody eligible, by each order."""
    rng = np.random.default_rng(seed)
    before = datasets.seen.between(0, datasets.split.evaluate)
    chosen = sample_viewers(contest.held_out.viewer, viewers, rng)
    sides, person = fitted.held.sides(), datasets.people.table["person_id"]
    found: dict[str, list[float]] = {name: [] for name in (*contest.likes, ONE_SIDED)}
    for each in eligible_lists(datasets.people, chosen, before, datasets.today, TOP + 1):
        viewer, candidates = sides.take([each.viewer]), sides.take(each.candidates)
        orders = {
            name: log_matches_by(of, viewer, candidates, fitted.held.e)
            for name, of in contest.likes.items()
        }
        orders[ONE_SIDED] = like_logits(viewer, candidates)
        matched = _true_matches(each, person, truth)
        for name, score in orders.items():
            best = np.argsort(-score, kind="stable")[:TOP]
            found[name].append(float(matched[best].sum()))
    return {name: np.array(values) for name, values in found.items()}


def _true_matches(each: EligibleList, person: npt.NDArray[np.int64], truth: Market) -> Floats64:
    """P(match) (m,) of each candidate, if both saw each other."""
    others = np.asarray(person[each.candidates], np.int64)
    viewer = np.full(len(others), person[each.viewer], np.int64)
    return np.asarray(truth.p_like(viewer, others) * truth.p_like(others, viewer))


def _of_matches(matches: dict[str, Floats64]) -> Iterator[Found]:
    bootstrap = Bootstrap(np.arange(len(matches[RANKER])), _DRAWS, 0)
    found = {name: bootstrap.estimate(mean(values)) for name, values in matches.items()}
    for name, estimate in found.items():
        yield _found(_MATCHES, name, estimate, None)
    yield from _differences(_MATCHES, found)


def _differences(measure_name: str, found: dict[str, Estimate]) -> Iterator[Found]:
    for other, estimate in found.items():
        if other != RANKER:
            method = f"{RANKER} minus {other}"
            yield _found(f"{measure_name}_difference", method, found[RANKER].minus(estimate), 0.0)


def _found(name: str, method: str, e: Estimate, reference: float | None) -> Found:
    low, high = e.interval()
    if name.startswith("log_loss"):
        return Found(TASK, name, method, e.value, low, high, reference, "lower")
    return Found(TASK, name, method, e.value, low, high, reference)
