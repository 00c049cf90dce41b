"""A folder for the stack of a command under test."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder for the command's own: not pytest's, which PostgreSQL's user may not enter; and not
    the machine's, where other runs may have left theirs."""
    made = Path(tempfile.mkdtemp(prefix="gravity-tests-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
