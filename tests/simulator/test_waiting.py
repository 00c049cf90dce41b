"""Likes that wait: those that were sent, less those whose reader has swiped the sender."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.waiting import Waiting
from tests.simulator.towns import swiped_of

PEOPLE = 5
PERSON = st.integers(0, PEOPLE - 1)
SWIPE = st.tuples(PERSON, PERSON, st.booleans()).filter(lambda each: each[0] != each[1])
DAYS = st.lists(st.lists(SWIPE, max_size=8), max_size=5)


def after(days: list[list[tuple[int, int, bool]]]) -> Waiting:
    waiting = Waiting(PEOPLE)
    for swipes in days:
        waiting.learn(swiped_of(*swipes))
    return waiting


@given(DAYS, st.sets(PERSON), st.sets(PERSON))
def test_likes_wait_until_they_are_answered(
    days: list[list[tuple[int, int, bool]]], candidates: set[int], senders: set[int]
) -> None:
    waiting = after(days)
    swipes = [each for of_day in days for each in of_day]
    answered = {(viewer, candidate) for viewer, candidate, _ in swipes}
    likes = {(candidate, viewer) for viewer, candidate, liked in swipes if liked} - answered
    passes = {(candidate, viewer) for viewer, candidate, liked in swipes if not liked}

    asked = np.array(sorted(candidates), np.int32)
    for reader in range(PEOPLE):
        expected = [(reader, sender) in likes for sender in asked.tolist()]
        assert waiting.among(reader, asked).tolist() == expected
        expected = [(reader, sender) in passes for sender in asked.tolist()]
        assert waiting.passed(reader, asked).tolist() == expected

    some = np.isin(np.arange(PEOPLE), list(senders))
    expected_counts = [sum(r == reader and s in senders for r, s in likes) for reader in range(5)]
    assert waiting.count(some).tolist() == expected_counts


@given(DAYS, DAYS)
def test_what_was_before_counts(
    before: list[list[tuple[int, int, bool]]], days: list[list[tuple[int, int, bool]]]
) -> None:
    past = [(day - len(before), swiped_of(*of_day)) for day, of_day in enumerate(before)]
    waiting, everybody = Waiting(PEOPLE, past), np.arange(PEOPLE, dtype=np.int32)
    for of_day in days:
        waiting.learn(swiped_of(*of_day))
    expected = after(before + days)
    for reader in range(PEOPLE):
        for one, other in (
            (waiting.among, expected.among),
            (waiting.passed, expected.passed),
        ):
            assert one(reader, everybody).tolist() == other(reader, everybody).tolist()


def test_nobody_waits_before_anybody_has_liked() -> None:
    waiting = Waiting(3)
    assert waiting.count(np.ones(3, bool)).tolist() == [0, 0, 0]
    assert not waiting.among(1, np.array([0, 2], np.int32)).any()


def test_an_answer_of_the_same_round_counts_whichever_way_it_went() -> None:
    waiting = after([[(0, 1, True), (1, 0, False), (2, 3, True), (3, 2, True), (4, 0, True)]])
    assert waiting.count(np.ones(5, bool)).tolist() == [1, 0, 0, 0, 0]
    assert waiting.among(0, np.array([1, 4], np.int32)).tolist() == [False, True]
