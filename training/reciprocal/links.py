"""Least squares for everybody at once: what a side of the ratings adds up to for each person."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Of n people: precision (n, d, d), sum w x x^T, and pull (n, d), sum w t x, over ratings."""

    precision: Floats
    pull: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """m ratings as a matrix (n, n) from a person to the other; `row` (m,) is their order in it."""

    pointers: Ints
    other: Ints
    row: Ints

    @classmethod
    def of(cls, people: int, person: Ints, other: Ints) -> Self:
        """Of persons (m,) with others (m,); empty rows are well."""
        row = np.lexsort((other, person))
        pointers = np.searchsorted(person[row], np.arange(people + 1))
        return cls(np.asarray(pointers, np.int64), other[row], row)

    def matrix(self, values: Floats) -> csr_matrix:
        """Values (m,) as a matrix (n, n)."""
        n = len(self.pointers) - 1
        return csr_matrix((values[self.row], self.other, self.pointers), (n, n))

    def sums(self, vectors: Floats, weight: Floats, target: Floats) -> Sums:
        """Over each person's ratings, of the others' vectors (n, d); weight and target (m,).

        The products of a vector with itself are made once a person, not once a rating.
        """
        n, d = vectors.shape
        one, two = np.triu_indices(d)
        upper = self.matrix(weight) @ (vectors[:, one] * vectors[:, two])
        precision = np.empty((n, d, d))
        precision[:, one, two] = precision[:, two, one] = upper
        return Sums(precision, np.asarray(self.matrix(weight * target) @ vectors))


def products(left: Floats, right: Floats) -> Floats:
    """Inner products (m,) of the rows of (m, d) and (m, d)."""
    return np.asarray(np.einsum("md,md->m", left, right), np.float64)
