"""Networks of known answers: the mean colour of a photo, over 255, times a factor."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from features.photo_pixels import SIDE


def mean_colour(times: float = 1.0, side: int = SIDE, takes: int = TensorProto.UINT8) -> bytes:
    """An ONNX graph from photos (m, side, side, 3) to (m, 3) float32."""
    nodes = [
        helper.make_node("Cast", ["photos"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats", "over"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "scale"], ["vectors"]),
    ]
    constants = [
        numpy_helper.from_array(np.array([1, 2], np.int64), "over"),
        numpy_helper.from_array(np.array(times / 255, np.float32), "scale"),
    ]
    photos = helper.make_tensor_value_info("photos", takes, ["m", side, side, 3])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["m", 3])
    graph = helper.make_graph(nodes, "mean-colour", [photos], [vectors], constants)
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()
