"""The ranker service asked directly: what it retrieves, before discovery looks at it again."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

import httpx
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from cli.check.brute_force import People
from contracts.ranking import (
    Constraints,
    Ranking,
    RankRequest,
    RetrieveAnswer,
    RetrieveRequest,
)

_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Ranker:
    """Asks within one release, with each viewer's constraints as Postgres has them."""

    http: httpx.AsyncClient
    people: People
    release: str
    today: date

    def constraints(self, viewer: int) -> Constraints:
        """The viewer's own limits."""
        people, row = self.people, self.people.row(viewer)
        return Constraints(
            latitude=float(people.latitude[row]),
            longitude=float(people.longitude[row]),
            birth_day=int(people.birthday[row].astype("datetime64[D]").astype(np.int64)),
            gender=int(people.gender[row]),
            seeks_mask=sum(1 << g for g in range(4) if people.seeks[row, g]),
            age_min=int(people.age_min[row]),
            age_max=int(people.age_max[row]),
            max_distance_km=float(people.max_distance_km[row]),
        )

    async def retrieve_all(self, viewer: int, k: int) -> NDArray[np.int64]:
        """Everybody whom the index finds for the viewer, `k` at most."""
        request = RetrieveRequest(
            viewer=viewer,
            release=self.release,
            k=k,
            constraints=self.constraints(viewer),
            today=self._today(),
        )
        answer = await self._post("/retrieve_all", request)
        return np.array(RetrieveAnswer.model_validate_json(answer).ids, dtype=np.int64)

    async def rank(self, viewer: int, deck_id: UUID) -> Ranking:
        """The ranked candidates of one deck: equal as long as nothing was learned between."""
        request = RankRequest(
            viewer=viewer,
            release=self.release,
            size=20,
            deck_id=deck_id,
            constraints=self.constraints(viewer),
            today=self._today(),
        )
        return Ranking.decoded(await self._post("/rank", request))

    async def retrieved(self, viewer: int) -> NDArray[np.int64]:
        """The candidates that retrieval hands to the ranking."""
        return (await self.rank(viewer, uuid4())).ids

    async def _post(self, path: str, request: BaseModel) -> bytes:
        response = await self.http.post(
            path,
            content=request.model_dump_json(),
            headers={"content-type": "application/json"},
        )
        response.raise_for_status()
        return response.content

    def _today(self) -> int:
        return (self.today - _EPOCH).days
