"""Each promise, broken on purpose in a small world: the verdict must see it, and nothing else."""

from dataclasses import replace

import pytest

from cli.chaos.book import Book
from cli.chaos.observer import Observer
from cli.chaos.outcome import PROMISES
from cli.chaos.quotas import FREE, PLUS, SUPERLIKES, over_limit
from cli.chaos.verdict import Stored, Verdict, judge
from contracts import events_pb2 as events
from contracts.topics import LIKE_RECEIVED, MATCH_CREATED, MATCH_ENDED, SWIPE_RECORDED
from gravity.bus import Record

LIKE, PASS = events.ACTION_LIKE, events.ACTION_PASS
KEPT = Verdict(lost=0, duplicated=0, matches=1, matches_missed=0, matches_doubled=0, redelivered=0)


def book() -> Book:
    """1 and 2 like each other, 1 passed on 3, and took back a like of 4."""
    kept = Book()
    kept.swiped(1, 2, "like")
    kept.swiped(2, 1, "superlike")
    kept.swiped(1, 3, "pass")
    kept.swiped(1, 4, "like")
    kept.rewinding(1, 4)
    kept.rewound(1, 4)
    return kept


def stored() -> Stored:
    return Stored(
        swipes={(1, 2): LIKE, (2, 1): events.ACTION_SUPERLIKE, (1, 3): PASS},
        standing={(1, 2): "m"},
        matches={(1, 2): "m"},
        members={(1, 2): "m", (2, 1): "m"},
    )


def swipe(event_id: str, a: int, b: int, *, back: bool = False) -> Record:
    event = events.SwipeRecorded(event_id=event_id, swiper=a, swiped=b, taken_back=back)
    return Record(SWIPE_RECORDED.name, 0, 0, b"", event.SerializeToString())


def match(event_id: str, match_id: str = "m", episode: int = 1) -> Record:
    event = events.MatchCreated(
        event_id=event_id, low=1, high=2, match_id=match_id, episode=episode
    )
    return Record(MATCH_CREATED.name, 0, 0, b"", event.SerializeToString())


TOLD = (
    swipe("a", 1, 2),
    swipe("b", 2, 1),
    swipe("c", 1, 3),
    swipe("d", 1, 4),
    swipe("e", 1, 4, back=True),
    match("f"),
)


def told(*records: Record) -> Observer:
    observer = Observer()
    for record in records:
        observer.take(record)
    return observer


def test_a_world_that_kept_every_promise() -> None:
    assert judge(book(), stored(), told(*TOLD)) == KEPT


def test_a_copy_under_the_same_id_is_redelivered_and_nothing_worse() -> None:
    assert judge(book(), stored(), told(*TOLD, TOLD[0], TOLD[5])) == replace(KEPT, redelivered=2)


@pytest.mark.parametrize("pair", [(1, 2), (2, 1), (1, 3)])
def test_a_swipe_that_is_not_stored_is_lost(pair: tuple[int, int]) -> None:
    rows = {key: action for key, action in stored().swipes.items() if key != pair}
    assert judge(book(), replace(stored(), swipes=rows), told(*TOLD)).lost == 1


def test_a_swipe_stored_as_another_is_lost() -> None:
    rows = {**stored().swipes, (1, 3): LIKE}
    assert judge(book(), replace(stored(), swipes=rows), told(*TOLD)).lost == 1


def test_a_swipe_of_which_nobody_was_told_is_lost() -> None:
    assert judge(book(), stored(), told(*TOLD[1:])).lost == 1


def test_a_rewind_that_did_not_last_is_lost() -> None:
    rows = {**stored().swipes, (1, 4): LIKE}
    assert judge(book(), replace(stored(), swipes=rows), told(*TOLD)).lost == 1


def test_a_swipe_that_nobody_made_is_one_too_many() -> None:
    rows = {**stored().swipes, (7, 8): LIKE}
    assert judge(book(), replace(stored(), swipes=rows), told(*TOLD)).duplicated == 1


def test_a_swipe_told_under_two_ids_is_duplicated() -> None:
    assert judge(book(), stored(), told(*TOLD, swipe("a2", 1, 2))).duplicated == 1
    assert judge(book(), stored(), told(*TOLD, swipe("d2", 1, 4))).duplicated == 1


def test_a_mutual_like_needs_its_match_both_members_and_the_event() -> None:
    assert judge(book(), replace(stored(), standing={}), told(*TOLD)).matches_missed == 1
    assert judge(book(), replace(stored(), members={(1, 2): "m"}), told(*TOLD)).matches_missed == 1
    assert judge(book(), stored(), told(*TOLD[:5])).matches_missed == 1


def test_two_ids_for_one_match_are_a_doubled_match() -> None:
    assert judge(book(), stored(), told(*TOLD, match("g", "other", 2))).matches_doubled == 1
    assert judge(book(), stored(), told(*TOLD, match("g"))).matches_doubled == 1


def test_a_match_of_people_who_parted_is_one_too_many() -> None:
    parted = book()
    parted.part(2, 1)
    verdict = judge(parted, stored(), told(*TOLD))
    assert (verdict.matches_doubled, verdict.matches_missed) == (1, 0)


def test_a_match_that_ended_must_have_been_told_to_end() -> None:
    parted = book()
    parted.part(2, 1)
    over = replace(stored(), standing={}, members={})
    end = events.MatchEnded(event_id="z", low=1, high=2, match_id="m", episode=1)
    ended = Record(MATCH_ENDED.name, 0, 0, b"", end.SerializeToString())
    assert judge(parted, over, told(*TOLD)).matches_missed == 1
    assert judge(parted, over, told(*TOLD, ended)).matches_missed == 0


def test_a_like_that_waits_must_have_been_told() -> None:
    waiting = book()
    waiting.swiped(5, 1, "like")
    rows = replace(stored(), swipes={**stored().swipes, (5, 1): LIKE})
    liked = events.LikeReceived(event_id="l", liker=5, liked=1)
    like = Record(LIKE_RECEIVED.name, 0, 0, b"", liked.SerializeToString())
    assert judge(waiting, rows, told(*TOLD, swipe("h", 5, 1))).lost == 1
    assert judge(waiting, rows, told(*TOLD, swipe("h", 5, 1), like)).lost == 0


def test_a_like_whose_answer_was_taken_back_was_told_by_that() -> None:
    waiting = book()
    waiting.swiped(4, 1, "like")
    rows = replace(stored(), swipes={**stored().swipes, (4, 1): LIKE})
    back = events.SwipeRecorded(
        event_id="e", swiper=1, swiped=4, taken_back=True, waiting_like_ms=7
    )
    again = Record(SWIPE_RECORDED.name, 0, 0, b"", back.SerializeToString())
    assert judge(waiting, rows, told(*TOLD, swipe("h", 4, 1))).lost == 1
    assert judge(waiting, rows, told(*TOLD[:4], again, TOLD[5], swipe("h", 4, 1))).lost == 0


def test_a_refusal_that_nothing_explains_is_a_swipe_forgotten() -> None:
    kept = book()
    kept.refused.append(("already_swiped", 1, 9))
    assert judge(kept, stored(), told(*TOLD)).lost == 1


def test_a_deck_asked_for_after_a_swipe_must_not_hold_it() -> None:
    kept = book()
    asked = kept.must_not_be_shown(1)
    kept.swiped(1, 9, "like")
    kept.served(1, asked, [2, 4, 9])
    assert kept.seen_again == [(1, 2)]


def test_limits_are_of_what_stands_by_tier_and_kind() -> None:
    kept = Book()
    for candidate in range(2, FREE + 3):
        kept.swiped(1, candidate, "pass")
        kept.swiped(500, candidate + 1000, "pass")
    assert PLUS > FREE
    assert over_limit(kept, paying=1) == 1
    kept.rewound(500, 1002)
    assert over_limit(kept, paying=1) == 0
    for candidate in range(3000, 3000 + SUPERLIKES + 1):
        kept.swiped(1, candidate, "superlike")
    assert over_limit(kept, paying=1) == 1


def test_every_promise_of_the_report_is_a_measure() -> None:
    assert set(PROMISES) >= {
        name for name in Verdict.__slots__ if name not in ("matches", "redelivered")
    }
