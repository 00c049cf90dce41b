"""The simplest model of pairs that can be right: sets and dictionaries, one command at a time."""

from dataclasses import dataclass, field

from contracts import events_pb2 as events
from interactions.domain import Command, Kind, Place

LIKES = (events.ACTION_LIKE, events.ACTION_SUPERLIKE)


@dataclass
class Reference:
    """Who decided what, who blocked whom, who is matched, and what the world was told."""

    swipes: dict[tuple[int, int], int] = field(default_factory=dict)
    blocks: set[tuple[int, int]] = field(default_factory=set)
    standing: set[frozenset[int]] = field(default_factory=set)
    told: list[tuple[str, int, int]] = field(default_factory=list)
    withdrawn: frozenset[int] = frozenset()

    def obey(self, command: Command) -> None:
        a, b = command.actor, command.target
        if command.kind is Kind.BLOCK:
            self._block(a, b)
        elif (a, b) not in self.swipes:
            self._swipe(a, b, command.action)

    def _swipe(self, a: int, b: int, action: int) -> None:
        self.swipes[a, b] = action
        self.told.append(("swipe", a, b))
        apart = (a, b) in self.blocks or (b, a) in self.blocks or {a, b} & self.withdrawn
        if action not in LIKES or apart:
            return
        if self.swipes.get((b, a)) in LIKES:
            self.standing.add(frozenset((a, b)))
            self.told.append(("match", min(a, b), max(a, b)))
        elif (b, a) not in self.swipes:
            self.told.append(("like", a, b))

    def _block(self, a: int, b: int) -> None:
        self.blocks.add((a, b))
        if frozenset((a, b)) in self.standing:
            self.standing.remove(frozenset((a, b)))
            self.told.append(("end", min(a, b), max(a, b)))


def command(offset: int, actor: int, target: int, action: int) -> Command:
    """The command at an offset of partition 0; action 0 is a block."""
    kind = Kind.SWIPE if action else Kind.BLOCK
    return Command(kind, actor, target, 1_700_000_000_000 + offset, Place(0, offset), action)
