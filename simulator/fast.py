"""The app in memory: decks of one policy out of everybody eligible, present and not yet swiped."""

from typing import Final

import numpy as np
import numpy.typing as npt

from simulator.crowd import Crowd, Visits
from simulator.days import Cards, Likes, Past, Swiped
from simulator.policies import Order, Policy
from simulator.pools import Pools

DECK_SIZE: Final = 20
"""Cards of a deck at least: those who look at fewer do not see its end."""
LIKE_DAYS: Final = 7
"""A like that waited so long is not found any more."""

Ints = npt.NDArray[np.int64]


class FastApp:
    """Implements simulator.days.App in arrays."""

    def __init__(self, pools: Pools, crowd: Crowd, policy: Policy, past: Past = ()) -> None:
        """`past`: what was swiped on days before the first."""
        self._pools, self._crowd, self._policy = pools, crowd, policy
        self._open = np.ones(len(pools.candidate), bool)
        self._waiting = Likes(np.zeros(0, np.int64), np.zeros(0, np.int64))
        # When each was sent, and where the pair of its reader is.
        self._sent, self._at = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for day, swiped in past:
            self.swipe(day, swiped)

    def likes_before(self, readers: Ints) -> Likes:
        """Those of the past, however old: the inbox forgets them, the platform does not."""
        those = np.isin(self._waiting.reader, readers)
        return Likes(self._waiting.reader[those], self._waiting.sender[those])

    def likes_waiting(self, day: int, readers: Ints) -> Likes:
        """Likes of the last LIKE_DAYS days, not answered, from people who are still there."""
        waiting, present = self._waiting, self._crowd.present(day)
        comes = np.zeros(len(present), bool)
        comes[readers] = True
        those = comes[waiting.reader] & present[waiting.sender]
        those &= self._sent > day - LIKE_DAYS
        return Likes(waiting.reader[those], waiting.sender[those])

    def decks(self, day: int, visits: Visits) -> Cards:
        """By the policy, from the present and not swiped; nobody for whom nobody is left."""
        present = self._crowd.present(day)
        self._policy.open_day(day, present)
        orders: list[Order] = []
        shown: list[Ints] = []
        for viewer, cards in zip(visits.person.tolist(), visits.cards.tolist(), strict=True):
            candidates = self._left(viewer, present)
            order = self._policy.order(viewer, candidates, max(DECK_SIZE, cards))
            orders.append(order)
            shown.append(candidates[order.places].astype(np.int64))
        sizes = np.array([len(each) for each in shown], np.int64)
        none = np.zeros(0, np.int64)
        return Cards(
            viewer=np.repeat(visits.person, sizes),
            candidate=np.concatenate([none, *shown]),
            place=np.concatenate([none, *(np.arange(size) for size in sizes)]),
            propensity=np.concatenate([np.zeros(0), *(each.propensity for each in orders)]),
        )

    def left(self, viewer: int, day: int) -> Ints:
        """Rows (m,) of everybody who may still be shown to a viewer on a day."""
        return self._left(viewer, self._crowd.present(day)).astype(np.int64)

    def _left(self, viewer: int, present: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        of_viewer = self._pools.of_viewer(viewer)
        candidates = self._pools.candidate[of_viewer]
        return candidates[self._open[of_viewer] & present[candidates]]

    def swipe(self, day: int, swiped: Swiped) -> None:
        """Nobody is shown again; likes wait for those who have not answered already."""
        self._open[self._pools.at(swiped.viewer, swiped.candidate)] = False
        reader, sender = swiped.candidate[swiped.liked], swiped.viewer[swiped.liked]
        at = np.concatenate((self._at, self._pools.at(reader, sender)))
        sent = np.concatenate((self._sent, np.full(len(reader), day)))
        reader = np.concatenate((self._waiting.reader, reader))
        sender = np.concatenate((self._waiting.sender, sender))
        # Open: the reader has not swiped the sender, neither before nor in this round.
        unanswered = self._open[at]
        self._waiting = Likes(reader[unanswered], sender[unanswered])
        self._sent, self._at = sent[unanswered], at[unanswered]
