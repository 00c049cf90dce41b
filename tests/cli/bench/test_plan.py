"""Loads: nobody swipes anybody twice, and what matches is known beforehand."""

from itertools import islice

import pytest

from cli.bench.plan import Load, Request, matching, requests

LOADS = [Load(1, 60, 10), Load(501, 61, 1)]


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_no_ordered_pair_occurs_twice_and_nobody_swipes_themselves(load: Load) -> None:
    pairs = [(r.viewer, candidate) for r in requests(load) for candidate in r.candidates]
    assert len(pairs) > 20 * load.people
    assert len(set(pairs)) == len(pairs)
    assert all(viewer != candidate for viewer, candidate in pairs)
    people = range(load.first, load.first + load.people)
    assert {person for pair in pairs for person in pair} == set(people)


@pytest.mark.parametrize("load", LOADS, ids=str)
def test_each_round_is_one_request_of_everybody(load: Load) -> None:
    sent = list(islice(requests(load), 2 * load.people))
    first, second = sent[: load.people], sent[load.people :]
    assert {r.viewer for r in first} == {r.viewer for r in second}
    assert [r.viewer for r in first] != [r.viewer for r in second]
    assert {len(r.candidates) for r in sent} == {load.size}


def test_some_swipes_are_answers() -> None:
    pairs = {(r.viewer, c) for r in requests(Load(1, 100, 10)) for c in r.candidates}
    answered = sum((b, a) in pairs for a, b in pairs) / 2
    assert 0.2 < answered / len(pairs) < 0.35


def test_a_load_is_the_same_each_time() -> None:
    assert list(requests(LOADS[0])) == list(requests(LOADS[0]))


def test_two_likes_match_and_the_later_request_is_known() -> None:
    sent = [
        Request(1, (2, 3), ("like", "pass")),
        Request(3, (1,), ("like",)),
        Request(2, (1, 3), ("superlike", "like")),
        Request(3, (2,), ("like",)),
    ]
    assert matching(iter(sent)) == {(1, 2): 2, (2, 3): 3}
