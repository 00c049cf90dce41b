"""What photos are worth in the decks of a simulated market, and whether looks came in with them.

Everything is learned twice from the same swipes, with what a network says of the drawings and
without; the market's truth, which only this file sees, judges both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt

from cli.evaluate.plan import Found, Say
from cli.evaluate.simulated import Simulated
from features.ranker import heads_of
from simulator.looks import NOBODY
from training.calibration import counts_before
from training.datasets import Datasets
from training.eligible_lists import EligibleList, eligible_lists, sample_viewers
from training.evaluation import TOP
from training.fitting import Fitted, TrainingSettings, fit_from_arrays
from training.photo_audit import Audit, correlation, pairs_of
from training.ranker.examples import logits_of
from training.ranker.measures import Bootstrap, Estimate, auc, mean
from training.ranker.release import with_ranker
from training.snapshot import Photos

Floats = npt.NDArray[np.float32]
Floats64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

DECK: Final = "photos-deck"
AUDIT: Final = "photos-audit"
WITH: Final = "gravity"
WITHOUT: Final = "gravity without photos"
_DRAWS: Final = 400


def measure_market(
    drawn: Simulated, vectors: Floats, shown: Bools, viewers: int, seed: int, say: Say
) -> Sequence[Found]:
    """Rows of decks of `viewers` viewers and of the audit; `vectors` (POOL, p) of the drawings, and
    which of them are `shown` (POOL,): people with another have no photo."""
    with_photos = with_vectors(drawn, vectors, shown)
    fitted: dict[str, tuple[Datasets, Fitted]] = {}
    for name, datasets in ((WITHOUT, drawn.datasets), (WITH, with_photos)):
        say(f"learning: {name}")
        made = fit_from_arrays(datasets, TrainingSettings(), seed)
        fitted[name] = (datasets, with_ranker(datasets, made, seed))
    say("likes of the held-out days")
    rows = list(_of_likes(fitted))
    say("ranking everybody eligible")
    rows += _of_decks(drawn, fitted, viewers, seed)
    say("auditing")
    audit = audit_drawings(drawn, with_photos, fitted[WITH][1], seed)
    return [*rows, _found(AUDIT, "correlation", WITH, audit.correlation, audit.low, audit.high)]


def with_vectors(drawn: Simulated, vectors: Floats, shown: Bools) -> Datasets:
    """The market with what a network says of each person's drawing."""
    drawing = drawn.truth.looks.drawing[drawn.truth_row]
    present = (drawing != NOBODY) & shown[drawing]
    vector = np.where(present[:, None], vectors[drawing], np.float32(0.0))
    photos = Photos("evaluated", b"", vector, present)
    return replace(drawn.datasets, people=replace(drawn.datasets.people, photos=photos))


def audit_drawings(drawn: Simulated, datasets: Datasets, fitted: Fitted, seed: int) -> Audit:
    """The audit by drawings, which many people share: what photos add against the share of likes
    of everybody with the same drawing."""
    pairs = pairs_of(datasets, seed)
    assert pairs is not None, "a simulated market has photos and swipes"
    added = pairs.added(fitted.final.sides(), fitted.ranker, fitted.final.e)
    drawing = drawn.truth.looks.drawing[drawn.truth_row]
    swipes, n = datasets.swipes, int(drawing.max()) + 1
    seen = drawing[swipes.candidate]
    liked, of = swipes.liked[seen != NOBODY], seen[seen != NOBODY]
    rate = np.bincount(of, liked, n) / np.maximum(1, np.bincount(of, minlength=n))
    shown = drawing[pairs.candidate]
    return correlation(added, rate[shown], shown, seed)


def _of_likes(fitted: dict[str, tuple[Datasets, Fitted]]) -> Iterator[Found]:
    found: dict[str, Estimate] = {}
    for name, (datasets, made) in fitted.items():
        split = datasets.split
        held_out = datasets.swipes.between(split.evaluate, split.end)
        counts = counts_before(datasets, held_out)
        _, group = np.unique(held_out.viewer, return_inverse=True)
        bootstrap = Bootstrap(group.astype(np.int64), _DRAWS, 0)
        logits = logits_of(made.ranker, made.held, held_out, counts)
        found[name] = bootstrap.estimate(auc(logits, held_out.liked))
    yield from _compared("auc", found)


def _of_decks(
    drawn: Simulated, fitted: dict[str, tuple[Datasets, Fitted]], viewers: int, seed: int
) -> list[Found]:
    datasets = drawn.datasets
    split = datasets.split
    before = datasets.seen.between(0, split.evaluate)
    asking = datasets.swipes.between(split.evaluate, split.end).viewer
    chosen = sample_viewers(asking, viewers, np.random.default_rng(seed))
    sides = {name: made.held.sides() for name, (_, made) in fitted.items()}
    matches: dict[str, list[float]] = {name: [] for name in fitted}
    for each in eligible_lists(datasets.people, chosen, before, datasets.today, TOP + 1):
        truly = _true_matches(drawn, each)
        for name, (_, made) in fitted.items():
            one, others = sides[name].take([each.viewer]), sides[name].take(each.candidates)
            score = heads_of(made.ranker, one, others).log_match()
            best = np.argsort(-score, kind="stable")[:TOP]
            matches[name].append(float(truly[best].sum()))
    bootstrap = Bootstrap(np.arange(len(matches[WITH])), _DRAWS, 0)
    found = {name: bootstrap.estimate(mean(np.array(of))) for name, of in matches.items()}
    return list(_compared("expected_matches_at_20", found))


def _true_matches(drawn: Simulated, each: EligibleList) -> Floats64:
    """P(match) (m,) of each candidate, if both saw each other."""
    person = np.asarray(drawn.datasets.people.table["person_id"], np.int64)
    others = person[each.candidates]
    viewer = np.full(len(others), person[each.viewer])
    truth = drawn.truth
    return np.asarray(truth.p_like(viewer, others) * truth.p_like(others, viewer))


def _compared(measure: str, found: dict[str, Estimate]) -> Iterator[Found]:
    """A row each, and one of the difference, which is ahead where its interval is above 0."""
    for name, estimate in found.items():
        yield _found(DECK, measure, name, estimate.value, *estimate.interval())
    gain = found[WITH].minus(found[WITHOUT])
    low, high = gain.interval()
    method = f"{WITH} minus {WITHOUT}"
    yield Found(DECK, f"{measure}_difference", method, gain.value, low, high, 0.0)


def _found(task: str, measure: str, method: str, value: float, low: float, high: float) -> Found:
    return Found(task, measure, method, value, low, high)
