"""What a release says of photos: the network that embeds them, and the directions of the embeddings
along which tastes vary, of which its factors are."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.behaviour import GENDERS

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ReleasePhotos:
    """The space's id; its network as ONNX (b,) uint8; axes (p, e) and, by gender, what photos of
    such people have in common along them, mean (3, e); float32."""

    space: str
    network: npt.NDArray[np.uint8]
    axes: Floats
    mean: Floats

    @property
    def network_bytes(self) -> bytes:
        """The network as features.photo_network reads it."""
        return self.network.tobytes()

    def coordinates(self, vectors: Floats, gender: npt.ArrayLike) -> Floats:
        """Of people (k,) with mean embeddings (k, p) and genders (k,): their photos (k, e).

        Zeros, what is said of somebody without photos, are the mean of their gender. Who has none
        of the known genders is held against the nearest number, as in features.behaviour.bands.
        """
        row = np.clip(np.asarray(gender, np.int64), GENDERS[0], GENDERS[-1]) - GENDERS[0]
        return np.asarray(vectors @ self.axes - self.mean[row], np.float32)
