"""The registry of spaces: MLflow's registered model `photos`, whose versions are networks.

A space's id is the number of a version, as a string; `champion` is the one that everybody's photos
are embedded in.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from features.mlflow_rest import MLflow
from features.photo_network import NetworkDamaged
from features.registry import CHAMPION, aliases_in, version

MODEL: Final = "photos"
NETWORK: Final = "photos.onnx"
HASH: Final = "network_hash"
"""The tag of a version that holds the sha256 of its network."""


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOfSpace:
    """A space of embeddings: its id, and the network (ONNX) that makes them."""

    space: str
    network_bytes: bytes


async def champion_space(mlflow: MLflow) -> NetworkOfSpace | None:
    """The space that everybody's photos are embedded in, if there is one yet.

    Raises NetworkDamaged, MLflowUnreachable.
    """
    space = (await aliases_in(mlflow, MODEL)).get(CHAMPION)
    return None if space is None else await network_of(mlflow, space)


async def network_of(mlflow: MLflow, space: str) -> NetworkOfSpace:
    """A space by its id. Raises ReleaseUnknown, NetworkDamaged, MLflowUnreachable."""
    found = await version(mlflow, space, MODEL)
    async with mlflow.read(f"{found.source}/{NETWORK}") as chunks:
        network = b"".join([chunk async for chunk in chunks])
    if hashlib.sha256(network).hexdigest() != found.tags.get(HASH):
        raise NetworkDamaged(f"the network of space {space} is not what was registered")
    return NetworkOfSpace(space, network)
