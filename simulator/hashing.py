"""Chance that belongs to a pair, not to the order of events: a hash of ids instead of a draw.

Whoever meets on another day, under another policy or through another interface, decides alike.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint64]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)


def mixed(x: Bits) -> Bits:
    """The finaliser of splitmix64 (n,)."""
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def pair_bits(one: Ints, other: Ints, seed: int) -> Bits:
    """64 bits (m,) of ordered pairs of ids (m,)."""
    return mixed(mixed(one.astype(np.uint64) + np.uint64(seed)) ^ other.astype(np.uint64))


def uniforms(bits: Bits) -> Floats:
    """Numbers (m,) in (0, 1)."""
    return np.asarray(((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53, np.float64)


def normals(bits: Bits) -> Floats:
    """Standard normal numbers (m,): Box–Muller, 32 bits for the radius and 32 for the angle."""
    radius = ((bits >> np.uint64(32)) + np.uint64(1)).astype(np.float64) / 2.0**32
    angle = (bits & np.uint64(0xFFFFFFFF)).astype(np.float64) / 2.0**32
    return np.asarray(np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle), np.float64)
