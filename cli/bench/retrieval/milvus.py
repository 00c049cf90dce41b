"""Serving's other engine, in a server of its own: whose vectors are in a Milvus."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cli.bench.milvus_server import indexed_by_milvus
from features.release import Release
from gravity.stack import wheels
from serving.index import CandidateIndex

MILVUS: Final = "milvus"
MOST: Final = 1_000_000
"""People; beyond, filling and brute force take longer than everything else together."""


def missing() -> str | None:
    """Why there is no Milvus that could be started, if there is none."""
    try:
        wheels.milvus()
    except wheels.BinaryMissing as error:
        return str(error)
    return None


@contextmanager
def in_milvus(
    release: Release, cache: Path, say: Callable[[str], None]
) -> Iterator[Mapping[str, CandidateIndex]]:
    """The engine by its name while its server runs; none where it does not take part."""
    people = release.manifest.people
    if people > MOST or missing() is not None:
        yield {}
        return
    say(f"{people:,} people: filling a Milvus")
    with indexed_by_milvus(release, cache) as index:
        yield {MILVUS: index}
