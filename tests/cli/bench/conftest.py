"""Folders for the stacks of benchmarks."""

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
