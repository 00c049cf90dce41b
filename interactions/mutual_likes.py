"""Mutual likes within whole arrays of swipes."""

from dataclasses import dataclass

import numpy as np

from interactions.copy_binary import Int64s


@dataclass(frozen=True, slots=True)
class Likes:
    """Likes (n,) of distinct ordered pairs; times in ms."""

    liker: Int64s
    liked: Int64s
    liked_ms: Int64s


@dataclass(frozen=True, slots=True)
class Mutual:
    """Mutual likes (m,): unordered pairs and the later of the two times, ms."""

    low: Int64s
    high: Int64s
    matched_ms: Int64s


def earliest_per_pair(swiper: Int64s, swiped: Int64s, at_ms: Int64s) -> Int64s:
    """Row numbers (m,) ascending: the earliest row of each ordered pair of (n,)."""
    order = np.lexsort((at_ms, swiped, swiper))
    if not len(order):
        return order
    same = (np.diff(swiper[order]) == 0) & (np.diff(swiped[order]) == 0)
    return np.sort(order[np.r_[True, ~same]])


def mutual_within(likes: Likes) -> Mutual:
    """The mutual likes among `likes`."""
    low, high = np.minimum(likes.liker, likes.liked), np.maximum(likes.liker, likes.liked)
    order = np.lexsort((high, low))
    low, high, at = low[order], high[order], likes.liked_ms[order]
    # Ordered pairs are distinct, so an unordered pair occurs twice at most.
    twice = np.flatnonzero((np.diff(low) == 0) & (np.diff(high) == 0))
    return Mutual(low[twice], high[twice], np.maximum(at[twice], at[twice + 1]))


def newest_first(a: Mutual, b: Mutual) -> Mutual:
    """Both, newest first."""
    low, high = np.concatenate((a.low, b.low)), np.concatenate((a.high, b.high))
    at = np.concatenate((a.matched_ms, b.matched_ms))
    order = np.argsort(-at, kind="stable")
    return Mutual(low[order], high[order], at[order])
