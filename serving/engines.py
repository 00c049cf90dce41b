"""Which engine searches for candidates: a URL says so, and nothing else asks."""

from collections.abc import Collection
from typing import Protocol

from features.release import Release
from serving.background import quietly
from serving.claims import Claims
from serving.index import CandidateIndex, ExactIndex
from serving.overlay import Overlay


class IndexUrlUnknown(ValueError):
    """No engine has such a URL."""


class Engine(Protocol):
    """Makes indexes of releases, and forgets them."""

    async def open(self, release_id: str, release: Release, overlay: Overlay) -> CandidateIndex:
        """Return when it may be searched. Raises `IndexUnavailable`."""
        ...

    async def keep(self, releases: Collection[str]) -> None:
        """Only these are wanted from now on; delete what indexes of others are made of, once no
        worker holds it. To be called again and again. Raises `IndexUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of connections; what is not deleted is there again after a restart."""
        ...


class InProcess:
    """The release's own files, mapped into memory."""

    async def open(self, release_id: str, release: Release, overlay: Overlay) -> CandidateIndex:
        """See `Engine.open`."""
        return await quietly(ExactIndex, release, overlay)

    async def keep(self, releases: Collection[str]) -> None:
        """Nothing outlives the process."""

    def close(self) -> None:
        """Nothing is connected."""


def engine_at(url: str, deadline_s: float, claims: Claims) -> Engine:
    """Empty: in this process. `http://host:19530`, `https://…`: a Milvus server or cluster, with
    `user:password@` and `/database` as needed. `PATH.db`: an embedded Milvus. A search fails after
    `deadline_s`, unless it is made here. Raises `IndexUrlUnknown`.
    """
    if not url:
        return InProcess()
    if url.startswith(("http://", "https://")) or url.endswith(".db"):
        # Heavy, and an option: whoever does without it may lack the package.
        from serving.milvus import MilvusIndexes
        from serving.milvus_engine import MilvusEngine

        return MilvusEngine(MilvusIndexes(url, deadline_s, claims.worker), claims)
    # Not the URL itself: it may hold a password.
    raise IndexUrlUnknown("GRAVITY_INDEX_URL is neither http(s)://… nor a path that ends in .db")
