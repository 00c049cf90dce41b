"""The textbook's index: all whom a viewer may see, asked for as a competent engineer would."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cli.bench.textbook.index import WANTED, Index
from features.eligibility import eligible, viewer_of
from tests.serving.worlds import TODAY, world, write_world

PEOPLE = 20_000


@dataclass
class Recorded:
    """FAISS's index, and how many it was asked for."""

    vectors: Any
    asked: list[int] = field(default_factory=list)

    @property
    def nlist(self) -> int:
        return int(self.vectors.nlist)

    def search(self, queries: npt.NDArray[np.float32], k: int, params: object) -> object:
        self.asked.append(k)
        return self.vectors.search(queries, k, params=params)


def test_where_few_of_many_may_be_shown_the_filter_comes_first(tmp_path: Path) -> None:
    people = world(np.random.default_rng(1), PEOPLE)
    index = Index.of(write_world(tmp_path / "1", people, np.random.default_rng(2)))
    table = people.table
    few = many = 0
    for row in range(0, PEOPLE, 500):
        allowed = table["person_id"][eligible(viewer_of(table, row), index.profiles, TODAY)]
        seen, unseen = allowed[::7], np.setdiff1d(allowed, allowed[::7])
        recorded = Recorded(index.vectors)
        found = replace(index, vectors=recorded).search(int(table["person_id"][row]), seen, TODAY)
        assert max(recorded.asked) <= 16_000
        assert np.isin(found, unseen).all()
        assert len(np.unique(found)) == len(found) == min(WANTED, len(unseen))
        few += 0 < len(unseen) < WANTED
        many += len(unseen) >= WANTED
    assert few
    assert many
