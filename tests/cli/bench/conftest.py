"""Folders for the stacks of benchmarks, and one for what they keep."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the benchmark's own: not pytest's, which PostgreSQL's user may not enter."""
    made = Path(tempfile.mkdtemp(prefix="gravity-tests-bench-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where benchmarks keep what they learn people from: of all workers together, so that it is
    learned once."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "bench-cache"
