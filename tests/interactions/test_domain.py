"""Decisions about pairs, held to the reference model."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import events_pb2 as events
from interactions.domain import (
    Command,
    Effect,
    LikeReceived,
    MatchCreated,
    MatchEnded,
    Pair,
    PairState,
    SwipeRecorded,
    decide,
    decide_all,
)
from tests.interactions.reference import Reference, command

LIKE, PASS, SUPERLIKE = (
    events.ACTION_LIKE,
    events.ACTION_PASS,
    events.ACTION_SUPERLIKE,
)
PEOPLE = st.integers(1, 4)
STEPS = st.lists(
    st.tuples(PEOPLE, PEOPLE, st.sampled_from([0, LIKE, LIKE, PASS, SUPERLIKE])).filter(
        lambda step: step[0] != step[1]
    ),
    max_size=40,
)


def told(effects: tuple[Effect, ...] | list[Effect]) -> list[tuple[str, int, int]]:
    out: list[tuple[str, int, int]] = []
    for effect in effects:
        actor, target, pair = effect.command.actor, effect.command.target, effect.command.pair
        match effect:
            case SwipeRecorded():
                out.append(("swipe", actor, target))
            case LikeReceived():
                out.append(("like", actor, target))
            case MatchCreated():
                out.append(("match", pair.low, pair.high))
            case MatchEnded():
                out.append(("end", pair.low, pair.high))
    return out


@given(STEPS, st.lists(st.integers(0, 40)), st.integers(0, 5))
def test_any_split_into_batches_and_redelivery_does_what_the_reference_does(
    steps: list[tuple[int, int, int]], cuts: list[int], redelivered: int
) -> None:
    commands = [command(n, *step) for n, step in enumerate(steps)]
    reference = Reference()
    for one in commands:
        reference.obey(one)

    states: dict[Pair, PairState] = {}
    effects: list[Effect] = []
    bounds = sorted({0, len(commands), *(cut for cut in cuts if cut < len(commands))})
    for start, stop in pairwise(bounds):
        # What was handled already comes again before what is new.
        batch = commands[max(0, start - redelivered) : stop]
        decided = decide_all(states, batch)
        states |= decided.states
        effects += decided.effects

    assert told(effects) == reference.told
    assert {
        frozenset((pair.low, pair.high))
        for pair, state in states.items()
        if state.match and not state.match.ended
    } == reference.standing


def test_two_likes_in_one_batch_make_one_match_in_either_order() -> None:
    for first, second in (((1, 2), (2, 1)), ((2, 1), (1, 2))):
        batch = [command(0, *first, LIKE), command(1, *second, SUPERLIKE)]
        effects = decide_all({}, batch).effects
        assert told(effects) == [("swipe", *first), ("like", *first), ("swipe", *second),
                                 ("match", 1, 2)]  # fmt: skip


def test_a_like_of_somebody_withdrawn_or_blocked_is_recorded_and_goes_no_further() -> None:
    for state in (PairState(high_action=LIKE, withdrawn=True),
                  PairState(high_action=LIKE, blocked=True)):  # fmt: skip
        after, effects = decide(state, command(0, 1, 2, LIKE))
        assert told(effects) == [("swipe", 1, 2)]
        assert after.match is None


def test_a_block_ends_the_match_once_and_nothing_begins_again() -> None:
    batch = [
        command(0, 1, 2, LIKE),
        command(1, 2, 1, LIKE),
        command(2, 2, 1, 0),
        command(3, 1, 2, 0),
        command(4, 1, 2, LIKE),
    ]
    decided = decide_all({}, batch)
    assert [kind for kind, *_ in told(decided.effects)].count("end") == 1
    state = decided.states[Pair(1, 2)]
    assert state.match is not None
    assert (state.match.episode, state.match.ended) == (1, events.MATCH_END_BLOCK)


def test_deciding_again_gives_the_same_match_id() -> None:
    batch: list[Command] = [command(0, 1, 2, LIKE), command(1, 2, 1, LIKE)]
    matches = [decide_all({}, batch).states[Pair(1, 2)].match for _ in range(2)]
    assert matches[0] == matches[1]
