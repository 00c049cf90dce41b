"""How fast photos are embedded, and what that takes."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from cli.evaluate.photos_learned import Learned
from cli.evaluate.plan import Found
from features.photo_network import PhotoNetwork
from features.photo_pixels import decode
from simulator import avatars

TASK: Final = "photos-speed"
_MOST_MS: Final = 25.0
_ONE_BY_ONE: Final = 200
_MEMORY: Final = """
import sys
from pathlib import Path
import psutil
from features.photo_network import PhotoNetwork
from features.photo_pixels import decode
network, photo = (Path(each).read_bytes() for each in sys.argv[1:])
network = PhotoNetwork.of(network)
network.embed(decode(photo)[None])
print(psutil.Process().memory_info().rss)
"""


def measure(learned: Learned) -> Sequence[Found]:
    """On one thread: decode and embed one photo after the other, and many at once."""
    return list(_measured(learned))


def _measured(learned: Learned) -> Iterator[Found]:
    network = PhotoNetwork.of(learned.fitted.onnx)
    shown = np.flatnonzero(learned.shown)
    files = [avatars.png(int(drawing)) for drawing in shown[:_ONE_BY_ONE]]
    took = []
    for data in files:
        started = time.perf_counter()
        network.embed(decode(data)[None])
        took.append(1000.0 * (time.perf_counter() - started))
    yield Found(TASK, "ms_online_p50", "gravity", float(np.median(took)), better="lower")
    worst = float(np.quantile(took, 0.99))
    yield Found(TASK, "ms_online_p99", "gravity", worst, reference=_MOST_MS, better="lower")
    started = time.perf_counter()
    pixels = np.stack([decode(data) for data in files])
    network.embed(pixels)
    seconds = time.perf_counter() - started
    yield Found(TASK, "photos_per_second", "gravity", len(files) / seconds)
    yield Found(TASK, "memory_mb", "gravity", _memory(learned, files[0]), better="lower")


def _memory(learned: Learned, photo: bytes) -> float:
    """Of a process that does nothing else, once it has embedded a photo, in MB."""
    with tempfile.TemporaryDirectory() as folder:
        network, file = Path(folder, "photos.onnx"), Path(folder, "photo.png")
        network.write_bytes(learned.fitted.onnx)
        file.write_bytes(photo)
        command = [sys.executable, "-c", _MEMORY, str(network), str(file)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) / 2**20
