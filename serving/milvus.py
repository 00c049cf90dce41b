"""The engine whose vectors are elsewhere: in Milvus.

Who is eligible is decided here, exactly, by the same table as in process; Milvus orders them. It is
told a coarse filter and asked for more than are wanted, so that enough are left of those who are
eligible. Where they are not, or where all the eligible are wanted anyway, the release's own copy of
the vectors is scored: whatever Milvus leaves out, nobody is lost.
"""

import asyncio
import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.release import Release
from serving.eligible_rows import Eligible, EligibleRows
from serving.index import IndexUnavailable, Query, Retrieved
from serving.milvus_collection import MOST, Hits, Milvus
from serving.milvus_filter import Coarse, listed
from serving.overlay import Overlay
from serving.rows import scores_of

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

_LISTED: Final = 1_000
"""Up to so many eligible rows Milvus reads a list of them faster than it passes over the others
that a coarse filter lets through (decision 0069)."""
_FIRST: Final = 4
_CHUNK: Final = 100_000
_AT_ONCE: Final = 16


class MilvusIndexes:
    """Releases in the Milvus at a URL; connects when it is first needed. Every method blocks.

    Of all who fill the same Milvus at the same time, one is `worker`.
    """

    def __init__(self, url: str, deadline_s: float, worker: str) -> None:
        self._url = url
        self._deadline_s = deadline_s
        self._worker = worker
        self._connected: Milvus | None = None
        # Their own, so that searches that wait keep nothing else waiting.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "milvus")

    def open(self, name: str, release: Release, overlay: Overlay) -> "MilvusIndex":
        """The release's index, to be searched; its collection is filled unless it is there. Raises
        `IndexUnavailable`."""
        rows = EligibleRows(release, overlay)
        vectors = np.asarray(release.arrays.candidate_vectors)
        self._milvus().publish(name, _draft(name, self._worker), rows.people, vectors)
        collection = Collection(self._milvus(), name, self._deadline_s)
        return MilvusIndex(collection, rows, vectors, self._threads)

    def delete(self, name: str) -> None:
        """A collection, for all who use this Milvus, and what was to become it. Raises
        `IndexUnavailable`."""
        for each in self._milvus().names(name):
            self._milvus().drop(each)

    def drafts(self, name: str) -> set[str]:
        """What is about to become a collection, or was when its worker died. Raises
        `IndexUnavailable`."""
        return self._milvus().names(_draft(name, ""))

    def sweep(self, name: str, drafts: Iterable[str], others: Iterable[str]) -> None:
        """Drop these drafts of a collection, but for those of other workers. Raises
        `IndexUnavailable`."""
        for draft in set(drafts) - {_draft(name, worker) for worker in others}:
            self._milvus().drop(draft)

    def close(self) -> None:
        """Let go of the connection; collections stay."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._connected is not None:
            self._connected.close()

    def _milvus(self) -> Milvus:
        if self._connected is None:
            self._connected = Milvus(self._url)
        return self._connected


@dataclass(frozen=True, slots=True)
class Collection:
    """A loaded collection; what takes longer than `deadline_s` fails."""

    milvus: Milvus
    name: str
    deadline_s: float

    def search(self, vector: Floats, expression: str, limit: int, ends: float) -> Hits:
        """The `limit` best that pass. Raises `IndexUnavailable` at `ends`, by the monotonic clock,
        at the latest."""
        left_s = ends - time.monotonic()
        if left_s <= 0:
            raise IndexUnavailable(f"{self.name}: no time left")
        return self.milvus.search(self.name, vector, expression, limit, left_s)


class MilvusIndex:
    """A release in a collection. `vectors` (n, width) are its own copy, read where need be."""

    def __init__(
        self,
        collection: Collection,
        rows: EligibleRows,
        vectors: Floats,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._collection = collection
        self._rows = rows
        self._coarse = Coarse.of(rows.people)
        self._vectors = vectors
        self._threads = threads

    def search(self, query: Query) -> Retrieved:
        """See `CandidateIndex.search`."""
        eligible = self._rows.of(query)
        return self._answer(query, eligible, self._best(query, eligible.rows))

    async def retrieve(self, query: Query) -> Retrieved:
        """See `CandidateIndex.retrieve`. Release and overlay are read in the loop's thread."""
        eligible = self._rows.of(query)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._collection.deadline_s):
                best = await loop.run_in_executor(self._threads, self._best, query, eligible.rows)
        except TimeoutError:
            raise IndexUnavailable(f"{self._collection.name}: late") from None
        return self._answer(query, eligible, best)

    def _answer(self, query: Query, eligible: Eligible, best: Hits) -> Retrieved:
        """The best of the snapshot and of the overlay together, equal ones by their ids."""
        persons = self._rows.persons(best.rows).joined(eligible.recent)
        scores = np.concatenate((best.scores, eligible.recent_scores))
        order = np.lexsort((persons.ids, -scores))[: query.k]
        found = Retrieved(persons.take(order), scores[order], len(eligible) <= query.k)
        return self._with_likers(found, query, eligible)

    def _with_likers(self, found: Retrieved, query: Query, eligible: Eligible) -> Retrieved:
        """Those found and every other eligible liker: those are few, and scored here."""
        likers = found.without(query.likers)
        if not len(likers):
            return found
        rows, recent = self._rows.rows_of(likers, eligible), eligible.recent_of(likers)
        old = scores_of(self._vectors, rows, query.vector)
        return found.and_also(
            self._rows.persons(rows).joined(eligible.recent.take(recent)),
            np.concatenate((old, eligible.recent_scores[recent])),
        )

    def _best(self, query: Query, rows: Ints) -> Hits:
        """The k best of the rows, all of them if there are no more."""
        if query.k < len(rows) and query.k <= MOST:
            best = self._in_milvus(query, rows)
            if len(best.rows) == query.k:
                return best
        return self._here(query, rows)

    def _in_milvus(self, query: Query, rows: Ints) -> Hits:
        """The k best of the rows, or fewer where Milvus shows no more of them."""
        ends = time.monotonic() + self._collection.deadline_s
        if len(rows) <= _LISTED:
            return self._collection.search(query.vector, listed(rows), query.k, ends)
        around = self._coarse.around(query.viewer, query.today)
        limit = min(MOST, _FIRST * query.k)
        while True:
            found = self._collection.search(query.vector, around, limit, ends)
            best = _among(found, rows, query.k)
            if len(best.rows) == query.k or len(found.rows) < limit or limit == MOST:
                return best
            limit = min(MOST, _FIRST * limit)

    def _here(self, query: Query, rows: Ints) -> Hits:
        """The same by the release's own vectors."""
        scores = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _CHUNK):
            part = slice(start, start + _CHUNK)
            scores[part] = scores_of(self._vectors, rows[part], query.vector)
        best = np.argsort(-scores, kind="stable")[: query.k]
        return Hits(rows[best], scores[best])


def _draft(name: str, worker: str) -> str:
    # Milvus takes nothing else in a name.
    return name + "_" + re.sub(r"\W", "_", worker)


def _among(found: Hits, rows: Ints, k: int) -> Hits:
    """The first k of those found that are among the rows, which ascend."""
    at = np.minimum(np.searchsorted(rows, found.rows), len(rows) - 1)
    kept = np.flatnonzero(rows[at] == found.rows)[:k]
    return Hits(found.rows[kept], found.scores[kept])
