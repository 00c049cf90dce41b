"""Worlds with a release, and what a search in them must find by the brute force of `cli.check`,
which shares nothing with `features.eligibility`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cli.check import brute_force
from features.disk_cells import table_order
from features.eligibility import Viewer, viewer_of
from features.release import Release
from serving.index import CandidateIndex, Query, Retrieved
from tests.serving.worlds import TODAY, D, World, write_world

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Opened:
    """A release of a world, and the world as the brute force knows it."""

    people: World
    release: Release
    check: brute_force.People


def joined(parts: Sequence[World]) -> World:
    """One world of several, with ids that say nothing about the place."""
    table = np.concatenate([part.table for part in parts])
    table["person_id"] = 1 + np.random.default_rng(2).permutation(len(table))
    latitude = np.concatenate([part.latitude for part in parts])
    longitude = np.concatenate([part.longitude for part in parts])
    placed = table_order(latitude, longitude)
    order = placed.order
    return World(table[order], latitude[order], longitude[order], placed.cell)


def written(people: World, folder: Path, seed: int = 3) -> Opened:
    release = write_world(folder / "1", people, np.random.default_rng(seed), seen=0.002)
    return Opened(people, release, as_checked(people))


def as_checked(people: World) -> brute_force.People:
    order = np.argsort(people.table["person_id"])
    table = people.table[order]
    return brute_force.People(
        person=table["person_id"].astype(np.int64),
        latitude=people.latitude[order],
        longitude=people.longitude[order],
        birthday=table["birth_day"].astype("datetime64[D]"),
        gender=table["gender"].astype(np.int64),
        seeks=(table["seeks"][:, None] >> np.arange(4)) & 1 == 1,
        age_min=table["age_min"].astype(np.int64),
        age_max=table["age_max"].astype(np.int64),
        max_distance_km=table["max_distance_km"].astype(np.float64),
        shown=table["visible"].copy(),
    )


def eligible_ids(check: brute_force.People, viewer: Viewer) -> Ids:
    """Ascending; with the viewer's limits as they ask, not as they are stored."""
    row = check.row(viewer.person_id)
    names = ("age_min", "age_max", "max_distance_km")
    changed = {name: getattr(check, name).copy() for name in names}
    for name, column in changed.items():
        column[row] = getattr(viewer, name)
    today = date(1970, 1, 1) + timedelta(days=TODAY)
    # Somebody's own limits as a viewer do not change whom they are shown to.
    return check.person[brute_force.eligible(replace(check, **changed), row, today)]


def viewers(opened: Opened, count: int) -> list[Viewer]:
    """From everywhere in the table."""
    table = opened.people.table
    rows = np.linspace(0, len(table) - 1, count).astype(np.int64).tolist()
    return [viewer_of(table, row) for row in rows]


def vector_of(viewer: Viewer) -> npt.NDArray[np.float32]:
    """A query as different for each viewer as can be."""
    return np.random.default_rng(viewer.person_id).normal(size=2 * D + 3).astype(np.float32)


def query(viewer: Viewer, k: int, seen: tuple[Ids, ...] = (), likers: Sequence[int] = ()) -> Query:
    return Query(viewer, TODAY, vector_of(viewer), seen, k, np.sort(np.array(likers, np.int64)))


def search(
    index: CandidateIndex,
    viewer: Viewer,
    k: int,
    seen: tuple[Ids, ...] = (),
    likers: Sequence[int] = (),
) -> Retrieved:
    return index.search(query(viewer, k, seen, likers))


def best_of(opened: Opened, viewer: Viewer) -> Ids:
    """Everybody eligible, best first, in double precision."""
    ids = eligible_ids(opened.check, viewer)
    vectors = opened.release.arrays.candidate_vectors[opened.release.rows_of(ids)]
    return ids[np.argsort(-(vectors.astype(np.float64) @ vector_of(viewer)), kind="stable")]


def ids_of(found: Retrieved) -> list[int]:
    ids: list[int] = found.persons.ids.tolist()
    return ids
