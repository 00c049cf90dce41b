"""What settings are tuned by: learned from train, judged by the validation part alone."""

import numpy as np

from training.reciprocal.estimates import Method
from training.reciprocal.ratings import Parts


def validation_rmse(method: Method, parts: Parts) -> float:
    """Of ratings of the validation part, learned from train."""
    held_out = parts.validation
    found = method(parts.train, held_out.rater, held_out.rated)
    return float(np.sqrt(np.mean((found.rating - held_out.rating) ** 2)))
