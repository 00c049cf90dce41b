"""Who takes part: serving's own engine and those that it is compared with, over the same people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import faiss
import numpy as np

from cli.bench.retrieval.engines import Engine, FaissAlone, FaissIvf, PostFilter, Table
from cli.bench.retrieval.lists import InvertedLists
from cli.bench.retrieval.questions import Question, query_vectors_of
from cli.bench.retrieval.recall import recalls
from cli.bench.retrieval.report import EXACT
from cli.bench.retrieval.world import OpenWorld
from serving.index import ExactIndex
from serving.overlay import Overlay

_QUERIES: Final = 4_096
_AIM: Final = 0.99
"""Somewhat above what is asked of an engine: other viewers are measured than it is tuned for."""


@dataclass(frozen=True, slots=True)
class Contenders:
    """Engines by name: `fixed` ones, and those `by_lists` that search so many lists of `lists`."""

    fixed: Mapping[str, Engine]
    by_lists: Mapping[str, Callable[[int], Engine]]
    lists: int

    def tuned(self, questions: Sequence[Question]) -> dict[str, Engine]:
        """All engines; each of those by lists with as few as find what these questions want."""
        found = dict(self.fixed)
        for name, engine in self.by_lists.items():
            found[name] = engine(self._enough(engine, questions))
        return found

    def _enough(self, engine: Callable[[int], Engine], questions: Sequence[Question]) -> int:
        # Who doesn't find them in all lists does not by searching longer.
        if recalls(engine(self.lists), questions).worst_group < _AIM:
            return max(1, self.lists // 16)
        nprobe = 1
        while nprobe < self.lists and recalls(engine(nprobe), questions).worst_group < _AIM:
            nprobe *= 2
        return nprobe


@contextmanager
def contenders(world: OpenWorld, random: np.random.Generator) -> Iterator[Contenders]:
    """Build those that search in this process."""
    vectors = np.asarray(world.release.arrays.candidate_vectors)
    table = Table(world.release)
    rows = random.integers(0, len(world), min(len(world), _QUERIES))
    threads = faiss.omp_get_max_threads()
    lists = InvertedLists.of(vectors, query_vectors_of(world, rows))
    alone = FaissAlone.of(table, vectors)
    # As serving: one core for one search.
    faiss.omp_set_num_threads(1)
    try:
        yield Contenders(
            fixed={
                EXACT: ExactIndex(world.release, Overlay(world.release)),
                "faiss-alone": alone,
            },
            by_lists={
                "faiss-ivf": lambda nprobe: FaissIvf(table, lists, nprobe),
                "post-filter": lambda nprobe: PostFilter(table, lists, nprobe),
            },
            lists=lists.count,
        )
    finally:
        faiss.omp_set_num_threads(threads)
