"""The simplest model of pairs that can be right: sets and dictionaries, one command at a time."""

from dataclasses import dataclass, field

from contracts import events_pb2 as events
from interactions.domain import Command, Kind, Place

LIKES = (events.ACTION_LIKE, events.ACTION_SUPERLIKE)
Pair = frozenset[int]
START_MS = 1_700_000_000_000


@dataclass
class Reference:
    """Who decided what and when, who blocked whom, who is matched, for which time and how that
    ended, and what the world was told."""

    swipes: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    taken_back: dict[tuple[int, int], int] = field(default_factory=dict)
    blocks: set[tuple[int, int]] = field(default_factory=set)
    # Pair -> episode and how it ended ("" while it stands).
    matches: dict[Pair, tuple[int, str]] = field(default_factory=dict)
    erased: set[Pair] = field(default_factory=set)
    told: list[tuple[str, int, int]] = field(default_factory=list)
    withdrawn: frozenset[int] = frozenset()

    @property
    def standing(self) -> set[Pair]:
        """The pairs that are matched."""
        return {pair for pair, (_, ended) in self.matches.items() if not ended}

    def waiting(self) -> dict[tuple[int, int], int]:
        """(liked, liker) -> time of each like that waits for an answer and may have one."""
        return {
            (b, a): at
            for (a, b), (action, at) in self.swipes.items()
            if action in LIKES and (b, a) not in self.swipes and not self._closed(a, b)
        }

    def obey(self, command: Command) -> None:
        """Do one command."""
        a, b, pair = command.actor, command.target, frozenset((command.actor, command.target))
        if command.kind is Kind.ERASE:
            self._erase(a, b)
        elif pair in self.erased:
            return
        elif command.kind is Kind.BLOCK:
            self.blocks.add((a, b))
            self._end(pair, "block")
        elif command.kind is Kind.UNMATCH:
            if self.matches.get(pair, (0, "none"))[1] == "rewind":
                self._say("end", min(pair), max(pair))
                self.matches[pair] = self.matches[pair][0], "unmatch"
            self._end(pair, "unmatch")
        elif command.kind is Kind.REWIND:
            self._rewind(a, b, command.swiped_ms)
        elif (a, b) not in self.swipes and command.at_ms > self.taken_back.get((a, b), 0):
            self._swipe(a, b, command.action, command.at_ms)

    def _say(self, what: str, a: int, b: int) -> None:
        self.told.append((what, a, b))

    def _closed(self, a: int, b: int) -> bool:
        pair = frozenset((a, b))
        blocked = (a, b) in self.blocks or (b, a) in self.blocks
        parted = self.matches.get(pair, (0, ""))[1] in ("unmatch", "block")
        return blocked or parted or bool(pair & self.withdrawn)

    def _swipe(self, a: int, b: int, action: int, at: int) -> None:
        self.swipes[a, b] = action, at
        self._say("swipe", a, b)
        if action not in LIKES or self._closed(a, b):
            return
        if (b, a) not in self.swipes:
            self._say("like", a, b)
        elif self.swipes[b, a][0] in LIKES:
            pair = frozenset((a, b))
            self.matches[pair] = self.matches.get(pair, (0, ""))[0] + 1, ""
            self._say("match", min(a, b), max(a, b))

    def _rewind(self, a: int, b: int, swiped_ms: int) -> None:
        action, at = self.swipes.get((a, b), (0, 0))
        if at > swiped_ms:
            return
        self.taken_back[a, b] = max(swiped_ms, self.taken_back.get((a, b), 0))
        if not action:
            return
        del self.swipes[a, b]
        self._say("taken back", a, b)
        self._end(frozenset((a, b)), "rewind")

    def _end(self, pair: Pair, reason: str) -> None:
        if pair in self.standing:
            self.matches[pair] = self.matches[pair][0], reason
            self._say("end", min(pair), max(pair))

    def _erase(self, a: int, b: int) -> None:
        pair = frozenset((a, b))
        self.erased.add(pair)
        if self.swipes.pop((a, b), None):
            self._say("taken back", a, b)
        self._end(pair, "erasure")
        self.matches.pop(pair, None)
        self.blocks -= {(a, b), (b, a)}


def command(
    offset: int,
    actor: int,
    target: int,
    action: int = 0,
    kind: Kind | None = None,
    swiped: int = -1,
) -> Command:
    """The command at an offset of partition 0: without a kind a swipe, or a block if the action is
    0. `swiped`: the offset of the swipe that a rewind takes back."""
    kind = kind or (Kind.SWIPE if action else Kind.BLOCK)
    at, place = START_MS + offset, Place(0, offset)
    return Command(kind, actor, target, at, place, action, swiped_ms=START_MS + swiped)
