"""The network as an ONNX graph: pixels in, vectors out, whatever lies between inside it."""

import warnings
from io import BytesIO
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from training.photos.network import PhotoTower


def to_onnx(tower: "PhotoTower", side: int) -> bytes:
    """One input `pixels` (m, side, side, 3) uint8, one output `vectors` (m, p) float32."""
    out = BytesIO()
    pixels = torch.zeros(2, side, side, 3, dtype=torch.uint8)
    tower.eval()
    with warnings.catch_warnings():
        # The other exporter needs torch's compiler, takes ten times as long, and says so.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            tower,
            (pixels,),
            out,  # type: ignore[arg-type]
            dynamo=False,
            input_names=["pixels"],
            output_names=["vectors"],
            dynamic_axes={"pixels": {0: "m"}, "vectors": {0: "m"}},
        )
    return out.getvalue()
