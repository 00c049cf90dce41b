"""What the simulated app showed: a draw without replacement from each viewer's eligible people.

Every card is drawn from the same mixture: with probability one half uniformly over the eligible
people, else in proportion to how much they were liked the month before, and more so the nearer
that is to the viewer's own. (Apps show people others of like standing; without it the two likes
of a pair have less in common than real ones.) Nobody is shown twice to the same viewer.

Drawing a sequence from a mixture `q` and leaving out who was drawn already is a Plackett–Luce draw
with weights `q`, so the propensity of a card, given the cards before it, is exactly
`q_c / (1 - sum of q over the cards before)`.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from features.eligibility import Candidates, eligible, squared_chord, viewer_of

UNIFORM: Final = "simulated-uniform"
POPULARITY: Final = "simulated-popularity"

_UNIFORM_SHARE: Final = 0.5
_MOST_OF_A_POOL: Final = 0.6
"""Nobody gets through everybody: there is a next deck for each viewer who has people around."""
_SPARE: Final = 1.35
_NEAR: Final = 2.4
"""Of standing, in logits of popularity."""
_NONE: Final = np.zeros(0, np.int64)

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_Number = TypeVar("_Number", np.int64, np.float64)


@dataclass(frozen=True, slots=True)
class Shown:
    """Cards in the order they were shown, viewer by viewer; all arrays (m,).

    `viewer` and `candidate` are rows of the person table; `rank` counts a viewer's cards from 0;
    `uniform` says which part of the mixture the card came from.
    """

    viewer: Ints
    candidate: Ints
    rank: Ints
    propensity: Floats
    uniform: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Group:
    """Candidates of some viewers' gender wishes, from south to north; `row` are table rows."""

    row: Ints
    candidates: Candidates


def show(
    table: npt.NDArray[np.void],
    popularity: Floats,
    wanted: Ints,
    today: int,
    random: np.random.Generator,
) -> Shown:
    """Draw up to `wanted` (n,) cards for each row of `table` (PERSON_DTYPE, n rows).

    `popularity` (n,) in (0, 1) makes the weights of the mixture's other half. A viewer with few
    eligible people is shown most of them at the most.
    """
    counts = np.zeros(len(table), np.int64)
    standing = np.log(popularity / (1.0 - popularity))
    drawn, weight, uniform = [_NONE], [np.zeros(0)], [np.zeros(0)]
    for viewer, rows in eligible_rows(table, wanted, today):
        liked = popularity[rows] * np.exp(-(((standing[rows] - standing[viewer]) / _NEAR) ** 2) / 2)
        mixture = _UNIFORM_SHARE / len(rows) + (1.0 - _UNIFORM_SHARE) * liked / liked.sum()
        most = math.ceil(_MOST_OF_A_POOL * len(rows))
        chosen = _draw(mixture, min(int(wanted[viewer]), most), random)
        counts[viewer] = len(chosen)
        drawn.append(rows[chosen])
        weight.append(mixture[chosen])
        uniform.append(_UNIFORM_SHARE / len(rows) / mixture[chosen])
    return _arranged(counts, _joined(drawn), _joined(weight), _joined(uniform), random)


def eligible_rows(
    table: npt.NDArray[np.void], wanted: Ints, today: int
) -> Iterator[tuple[int, Ints]]:
    """For each viewer who asks, in row order, the rows of everybody eligible."""
    groups: dict[tuple[int, int], _Group] = {}
    for row in np.flatnonzero(wanted > 0).tolist():
        viewer = viewer_of(table, row)
        wish = (viewer.gender, viewer.seeks)
        if wish not in groups:
            groups[wish] = _group(table, *wish)
        group = groups[wish]
        # Only a band of latitudes can be near enough: the sphere's z axis points north.
        reach = float(np.sqrt(squared_chord(viewer.max_distance_km))) + 1e-9
        start, stop = np.searchsorted(group.candidates.z, [viewer.z - reach, viewer.z + reach])
        near = group.candidates.rows(int(start), int(stop))
        found = np.flatnonzero(eligible(viewer, near, today))
        if len(found):
            yield row, group.row[start + found]


def _group(table: npt.NDArray[np.void], gender: int, seeks: int) -> _Group:
    """A superset of the candidates of such viewers: `eligible` decides."""
    bits = np.left_shift(1, table["gender"].astype(np.int64))
    possible = ((bits & seeks) != 0) & ((table["seeks"] & (1 << gender)) != 0)
    rows = np.flatnonzero(possible)
    rows = rows[np.argsort(table["z"][rows], kind="stable")]
    return _Group(rows, Candidates.of(table[rows]))


def _draw(mixture: Floats, count: int, random: np.random.Generator) -> Ints:
    """`count` places, without replacement, one after the other in proportion to `mixture`."""
    if 2 * count > len(mixture):
        # The order of exponential clocks is the same draw, and cheaper where most are taken.
        clocks = random.exponential(size=len(mixture)) / mixture
        return np.argsort(clocks)[:count]
    edges = np.cumsum(mixture)
    places = _NONE
    tries = int(count * _SPARE) + 8
    while len(places) < count:
        more = np.searchsorted(edges, random.random(tries) * edges[-1], side="right")
        places = _first_occurrences(np.concatenate([places, more]))
    return places[:count]


def _first_occurrences(values: Ints) -> Ints:
    _, first = np.unique(values, return_index=True)
    return values[np.sort(first)]


def _arranged(
    counts: Ints, candidate: Ints, weight: Floats, uniform: Floats, random: np.random.Generator
) -> Shown:
    start = np.cumsum(counts) - counts
    viewer = np.repeat(np.arange(len(counts)), counts)
    before = np.cumsum(weight) - weight
    before -= np.repeat(before[np.minimum(start, max(len(weight) - 1, 0))], counts)
    return Shown(
        viewer=viewer,
        candidate=candidate,
        rank=np.arange(len(candidate)) - np.repeat(start, counts),
        propensity=weight / np.maximum(1.0 - before, weight),
        uniform=random.random(len(candidate)) < uniform,
    )


def _joined(parts: list[npt.NDArray[_Number]]) -> npt.NDArray[_Number]:
    """One array of all parts; there is always the empty first."""
    return np.concatenate(parts)
