"""How unequally something is spread."""

import numpy as np
import numpy.typing as npt


def gini(amounts: npt.NDArray[np.floating | np.integer]) -> float:
    """Of amounts (m,) >= 0: 0 where all have the same, near 1 where one has all. NaN of nothing:
    who shows nobody anything spreads it neither well nor badly."""
    total, m = float(amounts.sum()), len(amounts)
    if total <= 0.0:
        return float("nan")
    ranks = np.arange(1, m + 1)
    return float((2.0 * ranks - m - 1.0) @ np.sort(amounts) / (m * total))
