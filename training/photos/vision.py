"""torchvision's residual blocks, also beside a torch whose package lacks torchvision's operators.

Its wheel is built for CUDA: beside torch for CPUs its compiled operators cannot be loaded, and
importing it fails on the first of them. Nothing here uses those operators. So where they are
missing, and only there, two are declared before the import.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import nn

_DECLARED: Final = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_COMPILER: Final = "torch._dynamo"


def residual_block(inputs: int, outputs: int, stride: int) -> "nn.Module":
    """torchvision's BasicBlock (m, inputs, h, w) -> (m, outputs, h / stride, w / stride), random
    weights from torch's generator."""
    from torch import nn

    with _importable():
        from torchvision.models.resnet import BasicBlock, conv1x1
    shorter = None
    if stride != 1 or inputs != outputs:
        shorter = nn.Sequential(conv1x1(inputs, outputs, stride), nn.BatchNorm2d(outputs))
    block: nn.Module = BasicBlock(inputs, outputs, stride, shorter)
    return block


@contextmanager
def _importable() -> Iterator[None]:
    if "torchvision" in sys.modules:
        yield
        return
    if not _has_operators():
        held = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for each in _DECLARED:
            held.define(each)  # type: ignore[no-untyped-call]
        # A library that is collected takes its declarations with it.
        _HELD.append(held)
    with _without_compiler():
        yield


_HELD: Final[list[torch.library.Library]] = []


def _has_operators() -> bool:
    """Whether torchvision's own library loads: that is what its import tries first."""
    spec = find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return False
    for library in Path(spec.submodule_search_locations[0]).glob("_C*.so"):
        try:
            torch.ops.load_library(str(library))  # type: ignore[no-untyped-call]
        except OSError:
            return False
        return True
    return False


@contextmanager
def _without_compiler() -> Iterator[None]:
    """One of its files asks torch's compiler whether it could compile a function that is not used
    here. The compiler takes longer to import than torch and leaves a folder in the temporary one;
    in its place stands, for the while, what says no."""
    if _COMPILER in sys.modules:
        yield
        return
    package, utils = ModuleType(_COMPILER), ModuleType(f"{_COMPILER}.utils")
    package.__path__ = []
    utils.__dict__["is_compile_supported"] = lambda device: False
    stand_ins = {package.__name__: package, utils.__name__: utils}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]
