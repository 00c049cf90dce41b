"""How the means by gender and age band are kept in a release."""

import numpy as np


def cold_start_dtype(d: int) -> np.dtype[np.void]:
    """One band's means: factors of length d, rates (probabilities) and line (alpha, beta)."""
    return np.dtype(
        [
            ("taste", "<f4", (d,)),
            ("appeal", "<f4", (d,)),
            ("given_rate", "<f4"),
            ("received_rate", "<f4"),
            ("line", "<f4", (2,)),
        ]
    )
