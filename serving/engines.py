"""Which engine searches for candidates: a URL says so, and nothing else asks."""

from typing import Protocol

from features.release import Release
from serving.background import quietly
from serving.index import CandidateIndex, ExactIndex
from serving.overlay import Overlay


class IndexUrlUnknown(ValueError):
    """No engine has such a URL."""


class Engine(Protocol):
    """Makes the index of a release, and forgets it."""

    async def open(self, release_id: str, release: Release, overlay: Overlay) -> CandidateIndex:
        """Return when it may be searched. Raises `IndexUnavailable`."""
        ...

    async def retire(self, release_id: str) -> None:
        """Delete what the index of a release is made of. Raises `IndexUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of connections; what retired not is there again after a restart."""
        ...


class InProcess:
    """The release's own files, mapped into memory."""

    async def open(self, release_id: str, release: Release, overlay: Overlay) -> CandidateIndex:
        """See `Engine.open`."""
        return await quietly(ExactIndex, release, overlay)

    async def retire(self, release_id: str) -> None:
        """Nothing outlives the process."""

    def close(self) -> None:
        """Nothing is connected."""


def engine_at(url: str, deadline_s: float) -> Engine:
    """Empty: in this process. `http://host:19530`, `https://…`: a Milvus server or cluster, with
    `user:password@` and `/database` as needed. `PATH.db`: an embedded Milvus. A search fails after
    `deadline_s`, unless it is made here. Raises `IndexUrlUnknown`.
    """
    if not url:
        return InProcess()
    if url.startswith(("http://", "https://")) or url.endswith(".db"):
        # Heavy, and an option: whoever does without it may lack the package.
        from serving.milvus import MilvusEngine

        return MilvusEngine(url, deadline_s)
    # Not the URL itself: it may hold a password.
    raise IndexUrlUnknown("GRAVITY_INDEX_URL is neither http(s)://… nor a path that ends in .db")
