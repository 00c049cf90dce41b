"""One figure out of the same figure of several seeds."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cli.evaluate.plan import Found


def found_over_seeds(
    task: str,
    measure: str,
    method: str,
    values: Sequence[float],
    reference: float | None = None,
    better: Literal["higher", "lower"] = "higher",
) -> "Found":
    """The mean, with the 95% interval of Student's t over seeds (none for one seed)."""
    import numpy as np
    from scipy.stats import t

    from cli.evaluate.plan import Found

    mean, k = float(np.mean(values)), len(values)
    if k < 2:
        return Found(task, measure, method, mean, None, None, reference, better)
    half = float(t.ppf(0.975, k - 1)) * float(np.std(values, ddof=1)) / k**0.5
    return Found(task, measure, method, mean, mean - half, mean + half, reference, better)
