"""The published table of implicit feedback on Gowalla, on the split that the field reports on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix, load_npz

FILES = ("train.npz", "validation.npz", "test.npz")


@dataclass(frozen=True, slots=True, eq=False)
class Gowalla:
    """Likes (29,858, 40,981) float32 of 1; train and validation together are the published train.

    He et al., LightGCN, SIGIR 2020. Methods are tuned on `validation` alone.
    """

    train: csr_matrix
    validation: csr_matrix
    test: csr_matrix

    @classmethod
    def read(cls, folder: Path) -> Self:
        """From the three files of the folder."""
        return cls(*(csr_matrix(load_npz(folder / name), dtype=np.float32) for name in FILES))

    def published_train(self) -> csr_matrix:
        """What is learned from before the test."""
        return csr_matrix(self.train + self.validation)
