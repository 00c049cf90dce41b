"""Prices from factors: of a town, of nobody, and of whom nobody may be shown."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from features.eligibility import Candidates, eligible, viewer_of
from features.prices import MOST_STRENGTH, Prices
from features.ranker import Network, heads_of, width_of
from features.score import Sides, candidate_vectors, log_sigmoid, query_vectors
from tests.training.market.towns import TODAY, town
from training.market import neighbourhoods
from training.market.neighbourhoods import Neighbourhoods
from training.market.people import price_people
from training.market.reading import NotADial
from training.market.settled import Settled
from training.market.shortlists import NOBODY, Shortlists
from training.market.week import Week
from training.snapshot import People

NOTHING = Settled(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, bool))
NETWORK = Network.nothing(width_of(4))


def _priced(
    people: People,
    sides: Sides,
    cards: npt.ArrayLike = 15.0,
    dial: npt.ArrayLike = 1.0,
    strength: float = 1.0,
    settled: Settled = NOTHING,
    visits: npt.ArrayLike = 1.0,
) -> Prices:
    n, rng = len(people), np.random.default_rng(5)
    everybody = replace(people, exposure=_of_each(dial, n))
    week = Week(_of_each(cards, n), _of_each(visits, n), np.zeros(n, np.int64))
    return price_people(everybody, settled, sides, NETWORK, week, strength, TODAY, 0.1, rng)


def _of_each(value: npt.ArrayLike, n: int) -> npt.NDArray[np.float32]:
    return np.broadcast_to(np.asarray(value, np.float32), n)


LENGTH = 20


def _lists(
    people: People, sides: Sides, most: int = 10_000, settled: Settled = NOTHING
) -> list[Shortlists]:
    n = len(people)
    mean, cards = np.zeros(n, np.float32), np.full(n, 10.0, np.float32)
    near = Neighbourhoods.of(people, settled, cards, most, TODAY, np.random.default_rng(1))
    return list(near.shortlists(sides, NETWORK, mean, cards, LENGTH))


def _swipes(n: int, m: int) -> Settled:
    rng = np.random.default_rng(9)
    swiper, swiped = rng.integers(0, n, (2, m))
    return Settled(swiper, swiped, told=rng.random(m) < 0.5)


@pytest.mark.parametrize("swipes", [0, 20_000])
def test_a_shortlist_holds_the_best_of_all_eligible_people_with_both_likes(swipes: int) -> None:
    people, sides = town(300, 1)
    settled = _swipes(300, swipes)
    out = set(zip(settled.swiper.tolist(), settled.swiped.tolist(), strict=True))
    back = settled.swiped[settled.told].tolist(), settled.swiper[settled.told].tolist()
    out |= set(zip(*back, strict=True))
    (found,) = _lists(people, sides, settled=settled)
    columns = Candidates.of(people.table)
    score = query_vectors(sides) @ candidate_vectors(sides, np.zeros(len(sides.k), np.float32)).T
    best = {}
    for viewer in range(300):
        may = np.flatnonzero(eligible(viewer_of(people.table, viewer), columns, TODAY))
        may = np.array([each for each in may.tolist() if (viewer, each) not in out], np.int64)
        best[frozenset(may[np.argsort(-score[viewer, may])[:LENGTH]].tolist())] = viewer
    for row, log_p, logit_q in zip(found.candidates, found.log_p, found.logit_q, strict=True):
        there = row != NOBODY
        viewer = best[frozenset(row[there].tolist())]
        heads = heads_of(NETWORK, sides.take([viewer]), sides.take(row[there]))
        np.testing.assert_allclose(log_p[there], log_sigmoid(heads.there), atol=5e-3)
        np.testing.assert_allclose(logit_q[there], heads.back, atol=5e-3)


def test_a_part_of_people_stands_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    people, sides = town(600, 2)
    (all_of_them,) = _lists(people, sides)
    monkeypatch.setattr(neighbourhoods, "_MOST", 100)
    monkeypatch.setattr(neighbourhoods, "_LIVE_AROUND", 400)
    (part,) = _lists(people, sides, 300)
    assert part.candidates.max() < 600
    assert len(part.candidates) == pytest.approx(len(all_of_them.candidates) / 2, rel=0.2)

    def looks(found: Shortlists) -> float:
        return float(np.sum(found.exposures * found.stands_for))

    assert looks(part) == pytest.approx(looks(all_of_them), rel=0.15)


def test_who_is_liked_by_many_costs_more_and_a_dial_is_ones_own() -> None:
    people, sides = town(400, 3)
    found = _priced(people, sides)
    by_rate = found.mean()[np.argsort(sides.received_logit)]
    assert by_rate[-80:].mean() > by_rate[:80].mean() + 0.3
    dearest = int(np.argmax(found.mean()))
    wants_more = np.ones(400)
    wants_more[dearest] = 20.0
    again = _priced(people, sides, dial=wants_more)
    assert again.mean()[dearest] < 0.8 * found.mean()[dearest]
    # It is not only that they read more: what is enough for them is more, too.
    reads_as_much = _priced(people, sides, dial=wants_more, visits=1.0 / wants_more)
    assert reads_as_much.mean()[dearest] < 0.9 * found.mean()[dearest]


def test_who_was_seen_by_all_is_no_crowd_any_more() -> None:
    people, sides = town(400, 3)
    before = _priced(people, sides)
    dearest = int(np.argmax(before.mean()))
    everybody = np.arange(400)
    settled = Settled(everybody, np.full(400, dearest), told=np.zeros(400, bool))
    found = _priced(people, sides, settled=settled)
    assert before.nats[dearest].max() > 0.3
    assert not found.nats[dearest].any()
    # Their crowd goes to others.
    assert np.delete(found.mean(), dearest).mean() > np.delete(before.mean(), dearest).mean()


def test_short_lists_that_grow_come_to_the_prices_of_whole_pools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people, sides = town(600, 3)
    found = {}
    for length in (24, 600):
        monkeypatch.setattr("training.market.people.LENGTH", length)
        found[length] = _priced(people, sides, cards=30.0).mean()
    assert np.corrcoef(found[24], found[600])[0, 1] > 0.95


def test_equal_seeds_give_equal_prices() -> None:
    people, sides = town(200, 4)
    one, other = _priced(people, sides), _priced(people, sides)
    assert np.array_equal(one.nats, other.nats)
    assert np.array_equal(one.knots, other.knots)


def test_a_gender_of_whom_nobody_may_be_shown_costs_nothing() -> None:
    people, sides = town(200, 4)
    table = people.table.copy()
    women = people.gender == 2
    table["visible"][women] = False
    found = _priced(replace(people, table=table), sides)
    assert not found.nats[women].any()
    # They look on, at men.
    assert found.nats[~women].any()


def test_one_gender_alone_one_person_and_nobody_are_free() -> None:
    people, sides = town(50, 6)
    men = np.flatnonzero(people.gender == 1)
    for rows in (men, men[:1], men[:0]):
        few = replace(people, table=people.table[rows], cell=people.cell[rows])
        found = _priced(few, sides.take(rows))
        assert len(found) == len(rows)
        assert not found.nats.any()


@pytest.mark.parametrize("strength", [1e-60, 1e-20, MOST_STRENGTH])
def test_a_dial_at_its_end_leaves_prices_numbers(strength: float) -> None:
    people, sides = town(60, 7)
    for cards in (0.0, 15.0):
        found = _priced(people, sides, cards, strength=strength)
        assert np.isfinite(found.nats).all() and found.nats.min() >= 0.0


def test_nobody_pays_where_nobody_looks_or_the_operator_turns_prices_off() -> None:
    people, sides = town(50, 7)
    assert not _priced(people, sides, cards=0.0).nats.any()
    assert not _priced(people, sides, strength=0.0).nats.any()


@pytest.mark.parametrize(("dial", "strength"), [(-1.0, 1.0), (0.0, 1.0), (1.0, -1.0)])
def test_a_negative_dial_is_refused(dial: float, strength: float) -> None:
    people, sides = town(5, 8)
    with pytest.raises(NotADial):
        _priced(people, sides, dial=dial, strength=strength)
