"""The network that turns photos into vectors: ONNX, the same for batch and online, no torch."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np
import numpy.typing as npt

from features.photo_pixels import SIDE, Pixels

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Float32s = npt.NDArray[np.float32]
# Photos in one pass: what the layers hold at once is a few MB each.
_AT_ONCE: Final = 32


class NetworkDamaged(Exception):
    """Bytes that are not a network from photos to vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class PhotoNetwork:
    """A network on one thread; `width` is p, the length of its vectors. Safe to share."""

    width: int
    _session: "InferenceSession"

    @classmethod
    def of(cls, onnx: bytes) -> Self:
        """The network of an ONNX graph: one input (m, SIDE, SIDE, 3) uint8, one output (m, p)
        float32. Raises NetworkDamaged."""
        session = _session(onnx)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise NetworkDamaged(f"{len(inputs)} inputs and {len(outputs)} outputs, not one each")
        takes, gives = inputs[0], outputs[0]
        if takes.type != "tensor(uint8)" or list(takes.shape[1:]) != [SIDE, SIDE, 3]:
            raise NetworkDamaged(f"takes {takes.type} {takes.shape}, not photos of {SIDE} pixels")
        if gives.type != "tensor(float)" or len(gives.shape) != 2:
            raise NetworkDamaged(f"gives {gives.type} {gives.shape}, not vectors")
        if not isinstance(gives.shape[1], int):
            raise NetworkDamaged("gives vectors of an unknown length")
        return cls(gives.shape[1], session)

    def embed(self, pixels: Pixels) -> Float32s:
        """Vectors (m, p) float32 of photos (m, SIDE, SIDE, 3) uint8."""
        parts = [np.zeros((0, self.width), np.float32), *self._passes(pixels)]
        return np.concatenate(parts, dtype=np.float32)

    def _passes(self, pixels: Pixels) -> Iterator[Float32s]:
        name = self._session.get_inputs()[0].name
        for start in range(0, len(pixels), _AT_ONCE):
            (vectors,) = self._session.run(None, {name: pixels[start : start + _AT_ONCE]})
            yield np.asarray(vectors, np.float32)


def _session(onnx: bytes) -> "InferenceSession":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # It keeps what the largest pass needed for good.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        # Its errors share no class of their own that is public.
        raise NetworkDamaged(f"not an ONNX graph that runs: {error}") from error
