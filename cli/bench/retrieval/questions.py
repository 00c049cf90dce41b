"""What the engines are asked: viewers whose limits let exactly a given share of all people through,
and the best of those by brute force. Shares no code with the index, nor with eligibility."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from cli.bench.retrieval.world import ANY_AGE, EVERY_GENDER, OpenWorld
from cli.bench.world.population import people_around
from cli.bench.world.truth import people_of
from cli.check import brute_force
from features.eligibility import Viewer, viewer_of
from features.score import query_vectors
from serving.index import Query
from serving.people import Persons, sides_of

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Place = Literal["dense", "between", "country"]
Limits = Literal["narrow", "wide"]

K: Final = 100
_AROUND_KM: Final = 50.0
_CHUNK: Final = 100_000
_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One search and its answer: `best` (min(K, eligible),) ids, those of the highest products.

    `place`: whether the viewer is of the third with the most people around them, or the fewest.
    `limits`: narrow ones are a radius and nothing else; wide ones keep the viewer's wishes of
    gender and age, if enough people fulfil them, and so the radius is larger.
    """

    query: Query
    best: Ints
    place: Place
    limits: Limits

    def recall(self, ids: Ints) -> float:
        """The share of the best that are among `ids`."""
        return float(np.isin(self.best, ids).mean())


@dataclass(frozen=True, slots=True, eq=False)
class _Asker:
    """A viewer, whose row of the brute force is `at`. `wishes`: their own limits, then ever wider
    ones; away (n,) km and scores (n,) by row of the brute force."""

    at: int
    wishes: tuple[Viewer, ...]
    vector: npt.NDArray[np.float32]
    away: Floats
    scores: Floats
    place: Place


class Asking:
    """Makes questions about one world."""

    def __init__(self, world: OpenWorld) -> None:
        self._world = world
        self._people = people_of(world.population)
        self._today = world.population.today
        self._ages = brute_force.ages(self._people.birthday, _EPOCH + timedelta(days=self._today))

    def questions(self, viewers: Ints, shares: Sequence[float]) -> dict[float, list[Question]]:
        """For each share two questions of each viewer (v,), who are given by rows of the table."""
        asked: dict[float, list[Question]] = {share: [] for share in shares}
        for asker in self._askers(viewers):
            for share in shares:
                asked[share].append(self._question(asker, share, "narrow"))
                asked[share].append(self._question(asker, share, "wide"))
        return asked

    def _askers(self, viewers: Ints) -> Iterator[_Asker]:
        vectors = query_vectors_of(self._world, viewers)
        places = _places(self._world, viewers)
        for row, vector, place in zip(viewers.tolist(), vectors, places, strict=True):
            at = int(self._world.population.person_id[row]) - 1
            own = viewer_of(self._world.own, row)
            any_age = replace(own, age_min=ANY_AGE[0], age_max=ANY_AGE[1])
            anybody = replace(any_age, seeks=EVERY_GENDER)
            yield _Asker(
                at=at,
                wishes=(own, any_age, anybody),
                vector=vector,
                away=brute_force.distances_km(self._people, at),
                scores=self._scores(vector),
                place=place,
            )

    def _question(self, asker: _Asker, share: float, limits: Limits) -> Question:
        wanted = max(1, round(share * len(self._world)))
        wishes = asker.wishes if limits == "wide" else asker.wishes[-1:]
        for viewer in wishes:
            rows = self._fulfilling(viewer, asker.at)
            if len(rows) > wanted:
                break
        away = asker.away[rows]
        # Halfway to the first who are too far, so that no rounding decides.
        radius = float(np.partition(away, (wanted - 1, wanted))[wanted - 1 : wanted + 1].mean())
        rows = rows[away <= radius]
        best = rows[_highest(asker.scores[rows], K)]
        viewer = replace(viewer, max_distance_km=radius)
        query = Query(viewer, self._today, asker.vector, (), K)
        return Question(query, self._people.person[best], asker.place, limits)

    def _fulfilling(self, viewer: Viewer, at: int) -> Ints:
        """Rows of the brute force; nobody in an `OpenWorld` has wishes that one must fulfil."""
        genders = (viewer.seeks >> np.arange(self._people.seeks.shape[1])) & 1 == 1
        mask = self._people.shown & genders[self._people.gender]
        mask &= (self._ages >= viewer.age_min) & (self._ages <= viewer.age_max)
        mask[at] = False
        return np.flatnonzero(mask)

    def _scores(self, vector: npt.NDArray[np.float32]) -> Floats:
        """Inner products (n,) in float64."""
        vectors = self._world.release.arrays.candidate_vectors
        scores = np.empty(len(vectors))
        ids = self._world.population.person_id
        for start in range(0, len(vectors), _CHUNK):
            part = slice(start, start + _CHUNK)
            scores[ids[part] - 1] = vectors[part].astype(np.float64) @ vector.astype(np.float64)
        return scores


def _places(world: OpenWorld, viewers: Ints) -> list[Place]:
    around = people_around(world.population, viewers, _AROUND_KM)
    order = np.argsort(np.argsort(-around, kind="stable"))
    third: list[Place] = ["dense", "between", "country"]
    return [third[3 * place // len(viewers)] for place in order.tolist()]


def query_vectors_of(world: OpenWorld, rows: Ints) -> npt.NDArray[np.float32]:
    """Viewers' queries (m, 2d + 3), as the pipeline makes them."""
    people = world.population.table[rows]
    persons = Persons(people["person_id"], rows, people["gender"], people["birth_day"])
    return query_vectors(sides_of(world.release, persons, world.population.today))


def _highest(scores: Floats, k: int) -> Ints:
    if k < len(scores):
        chosen = np.argpartition(-scores, k)[:k]
        return np.asarray(chosen[np.argsort(-scores[chosen])], np.int64)
    return np.asarray(np.argsort(-scores), np.int64)
