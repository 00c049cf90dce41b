"""Decks, their floor and the textbook's path in turns, so that all three are of one moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from cli.bench.deck.beside import Comparison
from cli.bench.deck.client import DeckClient, Window, joined
from cli.bench.deck.floor import Floor, Taken, parts
from cli.bench.deck.kept import Kept
from cli.bench.textbook import client, programs
from cli.bench.textbook.client import Dealt, TextbookCheck
from cli.own_stack import OwnStack

_ROUND_S: Final = 2.5
_TEXTBOOK_DECKS: Final = 200
# Of a benchmark of 10 s: 20 s for decks that take more than 100 ms.
_TEXTBOOK_SHARE: Final = 2.0


@dataclass(frozen=True, slots=True)
class Turns:
    """What came of them; `alone`, what one client got, as if it were of one job."""

    alone: Window
    taken: Sequence[Taken]
    dealt: Sequence[Dealt]

    def comparison(self, p50_ms: float, checked: TextbookCheck) -> Comparison:
        """Held against the median of the decks."""
        floor_ms = float(np.median([each.total for each in self.taken]))
        textbook_ms = float(np.median([each.ms for each in self.dealt]))
        return Comparison(
            floor_viewers=len(self.taken),
            floor_p50_ms=round(floor_ms, 3),
            vs_floor=round(p50_ms / floor_ms, 2),
            floor_ms=parts(self.taken),
            textbook_decks=len(self.dealt),
            textbook_p50_ms=round(textbook_ms, 2),
            vs_textbook=round(textbook_ms / p50_ms, 1),
            textbook_ms=client.stages(self.dealt),
            textbook_checked=checked.checked,
            textbook_violations=checked.violations,
            textbook_short=checked.short,
        )


async def in_turns(stack: OwnStack, floor: Floor, asking: DeckClient, seconds: float) -> Turns:
    """Decks for so many seconds, in rounds of a few; after each a part of the others. `stack` has
    the textbook's processes. Raises GeneratorFailed, HopsFailed, TextbookFailed, OSError."""
    rounds = max(1, round(seconds / _ROUND_S))
    got: list[Window] = []
    taken: list[Taken] = []
    dealt: list[Dealt] = []
    with Kept(stack.port(programs.API)) as textbook, threadpool_limits(1):
        for number in range(rounds):
            first = sum(len(each.sent.answered) for each in got)
            got.append(await asking.closed(1, seconds / rounds, first))
            floor.warm_up()
            taken += [floor.take(each) for each in range(number, len(floor.asked), rounds)]
            asked = asking.viewers[number:_TEXTBOOK_DECKS:rounds]
            most_s = _TEXTBOOK_SHARE * seconds / rounds
            dealt += client.deal(textbook, asked, asking.size, most_s)
    return Turns(joined(got), taken, dealt)
