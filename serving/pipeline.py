"""Retrieve, hydrate, rank, expose: from a viewer's id to candidates in the order of the draw."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from prometheus_client import Histogram

from contracts.ranking import Constraints, Ranking, RankRequest, RetrieveRequest
from features.eligibility import Viewer
from features.likers import sure
from features.narrowing import RETRIEVED, SEARCHED, narrowed
from features.ranker import CORE_NAMES
from features.release import Release
from features.score import Sides, query_vectors
from features.signature import Signature
from gravity.telemetry import stage
from serving import ranking
from serving.exposure import Draw, expose
from serving.index import CandidateIndex, Query, Retrieved
from serving.newcomers import Newcomers
from serving.people import Fresh, Persons, sides_of
from serving.rows import among
from serving.store import Online, read_candidates, read_viewer
from serving.why import reasons

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

POLICY: Final = "ranker"
_SPARE: Final = 20
"""So many cards of a deck may fall out at the last look before one has to do without reasons."""
_BUCKETS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)
RETRIEVAL_SECONDS: Final = Histogram(
    "retrieval_seconds", "A search, without its reads.", buckets=_BUCKETS
)
RANKING_SECONDS: Final = Histogram(
    "ranking_seconds", "Scores, draw and reasons of one request.", buckets=_BUCKETS
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A release in memory and everything that answers from it."""

    id: str
    release: Release
    signature: Signature
    index: CandidateIndex
    typical: Sides
    seed: int
    newcomers: Newcomers | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """A viewer made ready: for constraints, as chooser and chosen, whom they have seen, and of the
    others who waits for their answer and who `passed` on them before the release (sorted ids)."""

    viewer: Viewer
    sides: Sides
    seen: tuple[Ints, ...]
    likers: Ints
    passed: Ints

    def is_sure_of(self, persons: Persons, candidates: Sides) -> Bools:
        """Who likes the viewer back for certain (m,), of people (m,) and their sides (m,)."""
        return sure(candidates, among(persons.ids, self.likers))

    def has_passed(self, persons: Persons) -> Bools:
        """Who has passed on the viewer, of people (m,)."""
        return among(persons.ids, self.passed)


async def prepare(
    online: Online, loaded: Loaded, viewer: int, constraints: Constraints, today: int
) -> Asker:
    """Read what a search for this viewer needs; somebody new is as their profile lets expect."""
    release = loaded.release
    state = await read_viewer(online, release, loaded.signature, viewer)
    rows = release.rows_of([viewer])
    persons = Persons(
        ids=np.array([viewer], np.int64),
        rows=rows,
        gender=np.array([constraints.gender], np.uint8),
        birth_day=np.array([constraints.birth_day], np.int32),
    )
    swiped = state.swiped
    row, likers = int(rows[0]), state.likers
    seen = (release.seen_by(row), swiped) if row >= 0 else (swiped,)
    passed = release.passed_by(row) if row >= 0 else np.empty(0, np.int64)
    # Who took a pass back and likes the viewer now.
    again = likers[among(likers, passed)]
    passed = np.delete(passed, np.searchsorted(passed, again))
    sides = sides_of(release, persons, today, state.fresh, loaded.newcomers)
    return Asker(_viewer(viewer, constraints), sides, seen, likers, passed)


async def retrieve(loaded: Loaded, asker: Asker, today: int, k: int) -> Retrieved:
    """The k best by the retrieval score, and whoever else likes the viewer, in a few milliseconds.
    Raises `IndexUnavailable`."""
    vector = query_vectors(asker.sides)[0]
    query = Query(asker.viewer, today, vector, asker.seen, k, asker.likers)
    with RETRIEVAL_SECONDS.time():
        return await loaded.index.retrieve(query)


async def rank(online: Online, loaded: Loaded, request: RankRequest) -> Ranking:
    """Two round trips to Redis around a search. Raises `IndexUnavailable`."""
    with stage("viewer_read"):
        asker = await prepare(online, loaded, request.viewer, request.constraints, request.today)
    with stage("search"):
        found = await _search(loaded, asker, request.today)
    with stage("narrow"):
        found = _narrowed(loaded, asker, found, request.today)
    with stage("hydrate"):
        fresh = await read_candidates(online, loaded.signature, found.persons)
    with RANKING_SECONDS.time():
        return _ranked(loaded, request, asker, found, fresh)


async def _search(loaded: Loaded, asker: Asker, today: int) -> Retrieved:
    """Who comes into question: people who have passed on the viewer where there are few others."""
    if not len(asker.passed):
        return await retrieve(loaded, asker, today, SEARCHED)
    others = await retrieve(
        loaded, replace(asker, seen=(*asker.seen, asker.passed)), today, SEARCHED
    )
    if len(others.persons) > RETRIEVED:
        return others
    found = await retrieve(loaded, asker, today, SEARCHED)
    rest = np.flatnonzero(~among(found.persons.ids, np.sort(others.persons.ids)))
    return Retrieved(
        others.persons.joined(found.persons.take(rest)),
        np.concatenate((others.scores, found.scores[rest])),
        found.complete,
    )


def _narrowed(loaded: Loaded, asker: Asker, found: Retrieved, today: int) -> Retrieved:
    """Those of the found who are to be ranked."""
    if len(found.persons) <= RETRIEVED:
        return found
    candidates = sides_of(loaded.release, found.persons, today, newcomers=loaded.newcomers)
    prices = loaded.release.prices_of(found.persons.rows)
    certain = asker.is_sure_of(found.persons, candidates)
    best = narrowed(asker.sides, candidates, prices, certain, asker.has_passed(found.persons))
    return replace(
        found, persons=found.persons.take(best), scores=found.scores[best], complete=False
    )


def _ranked(
    loaded: Loaded, request: RankRequest, asker: Asker, found: Retrieved, fresh: Fresh
) -> Ranking:
    with stage("score"):
        candidates = sides_of(loaded.release, found.persons, request.today, fresh, loaded.newcomers)
        prices = loaded.release.prices_of(found.persons.rows)
        certain = asker.is_sure_of(found.persons, candidates)
        passed = asker.has_passed(found.persons)
        ranked = ranking.rank(
            loaded.release.ranker, asker.sides, candidates, prices, certain, passed
        )
    with stage("draw"):
        drawn = Draw(request.viewer, request.deck_id, loaded.id, loaded.seed)
        order = expose(drawn, found.persons.ids, ranked.scores, loaded.release.manifest.tau)
    with stage("reasons"):
        shown = order[: request.size + _SPARE]
        why_codes, why_values = reasons(
            asker.sides,
            candidates.take(shown),
            found.persons.gender[shown],
            loaded.typical,
            loaded.release.manifest.e,
        )
    return Ranking(
        viewer=request.viewer,
        release=loaded.id,
        policy=POLICY,
        tau=loaded.release.manifest.tau,
        seed=loaded.seed,
        complete=found.complete,
        ids=found.persons.ids[order],
        scores=ranked.scores[order],
        why_codes=why_codes,
        why_values=why_values,
        feature_names=CORE_NAMES,
        features=ranked.core[order],
    )


def _viewer(person: int, c: Constraints) -> Viewer:
    return Viewer.at(
        person,
        c.latitude,
        c.longitude,
        birth_day=c.birth_day,
        gender=c.gender,
        seeks=c.seeks_mask,
        age_min=c.age_min,
        age_max=c.age_max,
        max_distance_km=c.max_distance_km,
    )


async def retrieve_all(online: Online, loaded: Loaded, request: RetrieveRequest) -> list[int]:
    """Ids, best first by the retrieval score: what the index finds when asked for `k`."""
    asker = await prepare(online, loaded, request.viewer, request.constraints, request.today)
    # Somebody beyond the k best would stand for somebody whom the search missed.
    asker = replace(asker, likers=asker.likers[:0])
    found = await retrieve(loaded, asker, request.today, request.k)
    ids: list[int] = found.persons.ids.tolist()
    return ids
