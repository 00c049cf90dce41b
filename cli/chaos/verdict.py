"""The ledger against what is stored and what was told. Pure: every promise is a count here."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cli.chaos.book import Book, Ordered, Pair, pair_of
from cli.chaos.observer import Observer

LIKES: Final = frozenset({"like", "superlike"})
ACTIONS: Final = {1: "like", 2: "pass", 3: "superlike"}


@dataclass(frozen=True, slots=True)
class Stored:
    """What Postgres holds: actions by ordered pair (taken back ones are absent), and match ids by
    pair of the standing matches and of all, and the members' rows of the standing ones."""

    swipes: Mapping[Ordered, int]
    standing: Mapping[Pair, str]
    matches: Mapping[Pair, str]
    members: Mapping[Ordered, str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How often each promise was broken; all must be 0 but `matches`, which counts those told."""

    lost: int
    duplicated: int
    matches: int
    matches_missed: int
    matches_doubled: int
    redelivered: int


def judge(book: Book, stored: Stored, told: Observer) -> Verdict:
    """Compare everything."""
    mutual = _mutual(book)
    return Verdict(
        lost=len(lost(book, stored, told)),
        duplicated=_duplicated(book, stored, told),
        matches=len(stored.standing),
        matches_missed=_missed(mutual, stored, told),
        matches_doubled=_doubled(book, mutual, stored, told),
        redelivered=sum(told.copies.values()),
    )


def lost(book: Book, stored: Stored, told: Observer) -> list[str]:
    """Acknowledged swipes that are not stored as they were, or that nobody was told of; likes that
    wait for an answer of which nobody was told; acknowledged rewinds whose swipe stands; and what
    was refused without a reason. Each in words."""
    announced = {(e.swiper, e.swiped) for e in told.swipes.values() if not e.taken_back}
    liked = {(e.liker, e.liked) for e in told.likes.values()}
    # A like that was answered when it came waits again once its answer is taken back.
    liked |= {(e.swiped, e.swiper) for e in told.swipes.values() if e.waiting_like_ms}
    found: list[str] = []
    for pair, action in book.swipes.items():
        swiper, swiped = pair
        name = f"{action} of {swiper} on {swiped}"
        if ACTIONS.get(stored.swipes.get(pair, 0)) != action:
            found.append(f"{name} is not stored")
        elif pair not in announced:
            found.append(f"{name} was not told")
        elif _waits(book, pair) and action in LIKES and pair not in liked:
            found.append(f"{name} waits, and was not told as a like received")
    found += [
        f"the rewind of {a} on {b} does not stand"
        for a, b in book.taken_back & stored.swipes.keys()
    ]
    return found + [f"{a} on {b} was refused: {status}" for status, a, b in book.refused]


def _waits(book: Book, pair: Ordered) -> bool:
    """Whether nobody answered, as far as is known, and the two have not parted."""
    back = pair[::-1]
    return not (back in book.swipes or back in book.unsure or pair_of(*pair) in book.parted)


def _duplicated(book: Book, stored: Stored, told: Observer) -> int:
    """Swipes that nobody made; and swipes told under two ids: those told to stand, less those told
    to be taken back, must be one where a swipe stands and none elsewhere."""
    known = book.swipes.keys() | book.taken_back | book.unsure
    unknown = sum(pair not in known for pair in stored.swipes)
    balance: Counter[Ordered] = Counter()
    for event in told.swipes.values():
        balance[event.swiper, event.swiped] += -1 if event.taken_back else 1
    return unknown + sum(
        count > (1 if pair in stored.swipes else 0) for pair, count in balance.items()
    )


def _mutual(book: Book) -> set[Pair]:
    """Pairs whose two acknowledged likes stand and who were not parted."""
    return {
        pair_of(a, b)
        for (a, b), action in book.swipes.items()
        if action in LIKES and book.swipes.get((b, a)) in LIKES and pair_of(a, b) not in book.parted
    }


def _missed(mutual: set[Pair], stored: Stored, told: Observer) -> int:
    """Mutual likes without a standing match, without both members' rows, or never told; and matches
    that ended, of which nobody was told that."""
    announced = {(e.low, e.high) for e in told.matches.values()}

    def is_whole(pair: Pair) -> bool:
        match = stored.standing.get(pair)
        sides = {stored.members.get(pair), stored.members.get(pair[::-1])}
        return match is not None and sides == {match} and pair in announced

    begun: dict[Pair, int] = {}
    for event in told.matches.values():
        pair = (event.low, event.high)
        begun[pair] = max(event.episode, begun.get(pair, 0))
    ended = {(e.low, e.high, e.episode) for e in told.ended.values()}
    silent = sum(
        pair not in stored.standing and pair not in mutual and (*pair, episode) not in ended
        for pair, episode in begun.items()
    )
    return silent + sum(not is_whole(pair) for pair in mutual)


def _doubled(book: Book, mutual: set[Pair], stored: Stored, told: Observer) -> int:
    """Pairs with two match ids, episodes told under two event ids, and standing matches of pairs
    that are none."""
    ids: dict[Pair, set[str]] = {}
    episodes: Counter[tuple[Pair, int]] = Counter()
    for event in told.matches.values():
        pair = (event.low, event.high)
        ids.setdefault(pair, set()).add(event.match_id)
        episodes[pair, event.episode] += 1
    for pair, match in stored.matches.items():
        ids.setdefault(pair, set()).add(match)
    unsure = {pair_of(a, b) for a, b in book.unsure}
    return (
        sum(len(found) > 1 for found in ids.values())
        + sum(count > 1 for count in episodes.values())
        + sum(pair not in mutual and pair not in unsure for pair in stored.standing)
    )
