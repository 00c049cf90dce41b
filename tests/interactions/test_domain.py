"""Decisions about pairs, held to the reference model."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from contracts import events_pb2 as events
from interactions.domain import (
    Command,
    Effect,
    Kind,
    LikeReceived,
    MatchCreated,
    MatchEnded,
    Pair,
    PairState,
    Swipe,
    SwipeRecorded,
    SwipeTakenBack,
    decide,
    decide_all,
)
from tests.interactions.reference import START_MS, Reference, command

LIKE, PASS, SUPERLIKE = (
    events.ACTION_LIKE,
    events.ACTION_PASS,
    events.ACTION_SUPERLIKE,
)
BLOCK, UNMATCH, REWIND, ERASE = Kind.BLOCK, Kind.UNMATCH, Kind.REWIND, Kind.ERASE
PEOPLE = st.integers(1, 4)
WHAT = st.sampled_from(
    [LIKE, LIKE, LIKE, PASS, SUPERLIKE, REWIND, REWIND, REWIND, UNMATCH, BLOCK, ERASE]
)
STEPS = st.lists(
    st.tuples(PEOPLE, PEOPLE, WHAT, st.integers(1, 8)).filter(lambda step: step[0] != step[1]),
    max_size=40,
)


def commands_of(steps: list[tuple[int, int, int | Kind, int]]) -> list[Command]:
    """Commands at offsets 0, 1, …; a rewind takes back the actor's last swipe on the target, or
    what was sent at some offset before it (most often no swipe of theirs)."""
    out: list[Command] = []
    for n, (actor, target, what, back) in enumerate(steps):
        if not isinstance(what, Kind):
            out.append(command(n, actor, target, what))
            continue
        own = [c for c in out if (c.actor, c.target, c.kind) == (actor, target, Kind.SWIPE)]
        swiped = own[-1].place.offset if own and back > 1 else n - back
        out.append(command(n, actor, target, kind=what, swiped=swiped))
    return out


def told(effects: tuple[Effect, ...] | list[Effect]) -> list[tuple[str, int, int]]:
    out: list[tuple[str, int, int]] = []
    for effect in effects:
        actor, target, pair = effect.command.actor, effect.command.target, effect.command.pair
        match effect:
            case SwipeRecorded():
                out.append(("swipe", actor, target))
            case SwipeTakenBack():
                out.append(("taken back", actor, target))
            case LikeReceived():
                out.append(("like", actor, target))
            case MatchCreated():
                out.append(("match", pair.low, pair.high))
            case MatchEnded():
                out.append(("end", pair.low, pair.high))
    return out


@given(STEPS, st.lists(st.integers(0, 40)))
def test_any_split_into_batches_does_what_the_reference_does(
    steps: list[tuple[int, int, int | Kind, int]], cuts: list[int]
) -> None:
    commands = commands_of(steps)
    reference = Reference()
    for one in commands:
        reference.obey(one)

    states: dict[Pair, PairState] = {}
    effects: list[Effect] = []
    bounds = sorted({0, len(commands), *(cut for cut in cuts if cut < len(commands))})
    for start, stop in pairwise(bounds):
        decided = decide_all(states, commands[start:stop])
        states |= decided.states
        effects += decided.effects

    assert told(effects) == reference.told
    assert {
        frozenset((pair.low, pair.high)): state.match.episode
        for pair, state in states.items()
        if state.match and not state.match.ended
    } == {pair: reference.matches[pair][0] for pair in reference.standing}


@given(STEPS, st.data())
def test_a_copy_of_a_command_that_comes_late_changes_nothing(
    steps: list[tuple[int, int, int | Kind, int]], data: st.DataObject
) -> None:
    """A producer that was told of an error may have appended all the same, also long after."""
    # Blocks and unmatches come again as what they are: final, or of the match that then stands.
    commands = [c for c in commands_of(steps) if c.kind in (Kind.SWIPE, Kind.REWIND)]
    state_without: dict[Pair, PairState] = dict(decide_all({}, commands).states)
    states: dict[Pair, PairState] = {}
    effects: list[Effect] = []
    for n, one in enumerate(commands):
        copies = data.draw(st.lists(st.sampled_from(commands[: n + 1]), max_size=2))
        decided = decide_all(states, [one, *copies])
        states |= decided.states
        effects += decided.effects
    assert told(effects) == told(decide_all({}, commands).effects)
    assert states == state_without


def test_two_likes_in_one_batch_make_one_match_in_either_order() -> None:
    for first, second in (((1, 2), (2, 1)), ((2, 1), (1, 2))):
        batch = [command(0, *first, LIKE), command(1, *second, SUPERLIKE)]
        effects = decide_all({}, batch).effects
        assert told(effects) == [("swipe", *first), ("like", *first), ("swipe", *second),
                                 ("match", 1, 2)]  # fmt: skip


def test_a_like_of_somebody_withdrawn_or_blocked_is_recorded_and_goes_no_further() -> None:
    liked = Swipe(LIKE, START_MS - 1)
    for state in (PairState(high=liked, withdrawn=True), PairState(high=liked, blocked=True)):
        after, effects = decide(state, command(0, 1, 2, LIKE))
        assert told(effects) == [("swipe", 1, 2)]
        assert after.match is None


def test_a_block_ends_the_match_once_and_nothing_begins_again() -> None:
    batch = [
        command(0, 1, 2, LIKE),
        command(1, 2, 1, LIKE),
        command(2, 2, 1, kind=BLOCK),
        command(3, 1, 2, kind=BLOCK),
        command(4, 1, 2, LIKE),
    ]
    decided = decide_all({}, batch)
    assert [kind for kind, *_ in told(decided.effects)].count("end") == 1
    state = decided.states[Pair(1, 2)]
    assert state.match is not None
    assert (state.match.episode, state.match.ended) == (1, events.MATCH_END_BLOCK)


def test_a_match_that_was_rewound_reopens_as_its_next_episode() -> None:
    batch = [
        command(0, 1, 2, LIKE),
        command(1, 2, 1, LIKE),
        command(2, 2, 1, kind=REWIND, swiped=1),
        command(3, 2, 1, LIKE),
    ]
    decided = decide_all({}, batch)
    assert told(decided.effects)[-3:] == [("end", 1, 2), ("swipe", 2, 1), ("match", 1, 2)]
    taken_back = next(e for e in decided.effects if isinstance(e, SwipeTakenBack))
    assert taken_back.waiting_like_ms == START_MS
    first, second = (e.match for e in decided.effects if isinstance(e, MatchCreated))
    assert (first.episode, second.episode) == (1, 2)
    assert first.match_id == second.match_id


def test_a_rewind_that_comes_before_its_swipe_rules_it_out_and_no_later_one() -> None:
    batch = [
        command(0, 1, 2, kind=REWIND, swiped=5),
        command(5, 1, 2, LIKE),
        command(6, 1, 2, PASS),
        command(7, 1, 2, kind=REWIND, swiped=5),
    ]
    decided = decide_all({}, batch)
    assert told(decided.effects) == [("swipe", 1, 2)]
    assert decided.states[Pair(1, 2)].low == Swipe(PASS, START_MS + 6)


def test_whoever_unmatched_never_matches_the_other_again() -> None:
    batch = [
        command(0, 1, 2, LIKE),
        command(1, 2, 1, LIKE),
        command(2, 1, 2, kind=UNMATCH),
        command(3, 2, 1, kind=REWIND, swiped=1),
        command(4, 2, 1, LIKE),
    ]
    decided = decide_all({}, batch)
    assert told(decided.effects)[3:] == [
        ("match", 1, 2),
        ("end", 1, 2),
        ("taken back", 2, 1),
        ("swipe", 2, 1),
    ]
    taken_back = next(e for e in decided.effects if isinstance(e, SwipeTakenBack))
    assert taken_back.waiting_like_ms == 0


def test_nothing_is_recorded_of_a_pair_that_was_erased() -> None:
    batch = [
        command(0, 1, 2, LIKE),
        command(1, 2, 1, LIKE),
        command(2, 1, 2, kind=ERASE),
        command(3, 2, 1, kind=ERASE),
        command(4, 1, 2, LIKE),
        command(5, 2, 1, kind=BLOCK),
    ]
    decided = decide_all({}, batch)
    assert told(decided.effects)[4:] == [
        ("taken back", 1, 2),
        ("end", 1, 2),
        ("taken back", 2, 1),
    ]
    assert decided.states[Pair(1, 2)] == PairState(erased=True)


def test_deciding_again_gives_the_same_match_id() -> None:
    batch: list[Command] = [command(0, 1, 2, LIKE), command(1, 2, 1, LIKE)]
    matches = [decide_all({}, batch).states[Pair(1, 2)].match for _ in range(2)]
    assert matches[0] == matches[1]
