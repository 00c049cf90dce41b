"""What the clients were told: the ledger that everything else is compared with."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

Ordered = tuple[int, int]
Pair = tuple[int, int]


def pair_of(a: int, b: int) -> Pair:
    """The unordered pair, lower id first."""
    return (min(a, b), max(a, b))


def _sets() -> defaultdict[int, set[int]]:
    return defaultdict(set)


@dataclass
class Book:
    """Everything that was acknowledged; nothing else is in here.

    swipes: (swiper, swiped) -> action of the swipe that stands, by what the swiper was told.
    taken_back: ordered pairs of which a rewind was acknowledged, and no later swipe.
    unsure: ordered pairs of which a client could not learn what stands; compared with nothing.
    parted: pairs of whom one blocked or unmatched the other.
    seen_again: (viewer, candidate) of cards that a deck must not have held.
    refused: (status, swiper, swiped) of final refusals that nothing explains: a phone makes one
    swipe of a card, with that card's token, so all but a limit means that something was forgotten.
    """

    swipes: dict[Ordered, str] = field(default_factory=dict)
    taken_back: set[Ordered] = field(default_factory=set)
    unsure: set[Ordered] = field(default_factory=set)
    parted: set[Pair] = field(default_factory=set)
    seen_again: list[Ordered] = field(default_factory=list)
    refused: list[tuple[str, int, int]] = field(default_factory=list)
    acknowledged: int = 0
    rewinds: int = 0
    requests: int = 0
    failures: int = 0
    hidden: defaultdict[int, set[int]] = field(default_factory=_sets)

    def swiped(self, swiper: int, swiped: int, action: str) -> None:
        """A swipe was acknowledged, for the first time."""
        self.swipes[swiper, swiped] = action
        self.taken_back.discard((swiper, swiped))
        self.hidden[swiper].add(swiped)
        self.acknowledged += 1

    def rewinding(self, swiper: int, swiped: int) -> None:
        """A rewind is about to be asked for: from now on the card may come again."""
        if pair_of(swiper, swiped) not in self.parted:
            self.hidden[swiper].discard(swiped)

    def rewound(self, swiper: int, swiped: int) -> None:
        """A rewind was acknowledged."""
        self.swipes.pop((swiper, swiped), None)
        self.taken_back.add((swiper, swiped))
        self.rewinds += 1

    def not_rewound(self, swiper: int, swiped: int) -> None:
        """A rewind was refused: the swipe stands."""
        self.hidden[swiper].add(swiped)

    def cannot_tell(self, swiper: int, swiped: int) -> None:
        """It is not known whether the swipe stands."""
        self.swipes.pop((swiper, swiped), None)
        self.taken_back.discard((swiper, swiped))
        self.unsure.add((swiper, swiped))

    def part(self, a: int, b: int) -> None:
        """A block or an unmatch was acknowledged."""
        self.parted.add(pair_of(a, b))
        self.hidden[a].add(b)
        self.hidden[b].add(a)

    def must_not_be_shown(self, viewer: int) -> frozenset[int]:
        """Whom no deck that is asked for from now on may show."""
        return frozenset(self.hidden[viewer])

    def served(self, viewer: int, before: frozenset[int], shown: Iterable[int]) -> None:
        """A deck came; `before` is `must_not_be_shown` of when it was asked for."""
        self.seen_again += [(viewer, card) for card in shown if card in before]
