"""Simulated swipes have the moments of real ratings, and the moments are those of real ratings."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest

from simulator.history import draw_history
from simulator.moments import REAL, Moments, as_ratings, measure
from simulator.region import draw_region
from simulator.tastes import Market

UNTIL = datetime(2024, 3, 1, tzinfo=UTC)
REAL_RATINGS = Path(__file__).parents[2].parent / "shared" / "data" / "libimseti"


@pytest.fixture(scope="module")
def simulated() -> Moments:
    people = draw_region(12_000, UNTIL, seed=7)
    history = draw_history(people, Market.draw(people, seed=7), UNTIL, seed=7)
    swiper, swiped = history.swipes["swiper"].to_numpy(), history.swipes["swiped"].to_numpy()
    return measure(swiper, swiped, as_ratings(history.latent), history.latent > 0)


def test_the_variance_is_shared_as_in_real_ratings(simulated: Moments) -> None:
    assert simulated.rated == pytest.approx(REAL.rated, abs=0.04)
    assert simulated.rater == pytest.approx(REAL.rater, abs=0.035)
    assert simulated.rest == pytest.approx(REAL.rest, abs=0.06)


def test_the_two_directions_of_a_pair_go_together_as_in_real_ratings(simulated: Moments) -> None:
    assert simulated.reciprocity == pytest.approx(REAL.reciprocity, abs=0.04)
    assert simulated.odds_ratio == pytest.approx(REAL.odds_ratio, abs=0.35)


def test_people_give_and_receive_likes_as_unequally_as_real_ones(simulated: Moments) -> None:
    assert simulated.given == pytest.approx(REAL.given, abs=0.05)
    assert simulated.received == pytest.approx(REAL.received, abs=0.07)


@pytest.mark.skipif(
    not REAL_RATINGS.exists(), reason="LibímSeTi is not shipped: ../shared/data/libimseti is absent"
)
def test_the_figures_are_those_of_the_real_ratings() -> None:
    parts = [pcsv.read_csv(path) for path in sorted(REAL_RATINGS.glob("*.csv.gz"))]
    ratings = pa.concat_tables(parts)
    rater, rated = ratings["rater"].to_numpy(), ratings["rated"].to_numpy()
    rating = ratings["rating"].to_numpy().astype(np.float64)
    found = measure(rater, rated, rating, rating >= 8)
    assert found.rated == pytest.approx(REAL.rated, abs=0.01)
    assert found.rater == pytest.approx(REAL.rater, abs=0.01)
    assert found.rest == pytest.approx(REAL.rest, abs=0.01)
    assert found.reciprocity == pytest.approx(REAL.reciprocity, abs=0.005)
    assert found.odds_ratio == pytest.approx(REAL.odds_ratio, abs=0.01)
    assert found.given == pytest.approx(REAL.given, abs=0.006)
    assert found.received == pytest.approx(REAL.received, abs=0.006)
