"""The engines of `CandidateIndex`, real ones. A test that asks for no Milvus starts none."""

from collections.abc import Callable, Iterator

import pytest

from cli.bench.cache import cache
from cli.bench.milvus_server import OwnMilvus, own_milvus
from features.release import Release
from gravity.stack.wheels import BinaryMissing
from serving.index import CandidateIndex, ExactIndex
from serving.overlay import Overlay

Open = Callable[[Release, Overlay], CandidateIndex]

DEADLINE_S = 30.0


@pytest.fixture(scope="session")
def milvus_server() -> Iterator[OwnMilvus]:
    """The standalone server of the wheel `milvus`, for the session."""
    try:
        with own_milvus("gravity-tests-milvus-", cache()) as running:
            yield running
    except BinaryMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of an embedded Milvus, for the session."""
    pytest.importorskip("milvus_lite", reason="the package milvus-lite is not installed")
    # It imports pandas, which the other tests of this folder do without.
    from serving.milvus_collection import Milvus

    url = str(tmp_path_factory.mktemp("milvus") / "gravity.db")
    # Whoever connects first starts it, and two cannot do so at the same time.
    milvus = Milvus(url)
    yield url
    milvus.close()


@pytest.fixture(scope="session", params=["milvus-lite", "milvus"])
def milvus_url(request: pytest.FixtureRequest) -> str:
    """Of each kind of Milvus in turn."""
    return _url(request)


@pytest.fixture(scope="session", params=["exact", "milvus-lite", "milvus"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a release with an overlay, in each engine in turn."""
    if request.param == "exact":
        yield ExactIndex
        return
    # They import pandas, which the other tests of this folder do without.
    from serving.milvus import MilvusIndexes
    from serving.milvus_engine import name_of

    indexes = MilvusIndexes(_url(request), DEADLINE_S, "ranker-0")
    yield lambda release, overlay: indexes.open(name_of("1", release), release, overlay)
    indexes.close()


def _url(request: pytest.FixtureRequest) -> str:
    if request.param == "milvus":
        running: OwnMilvus = request.getfixturevalue("milvus_server")
        return running.url
    url: str = request.getfixturevalue("milvus_lite")
    return url
