"""Sets of pairs as ascending keys: a large one takes a few more in without being sorted anew."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def with_more(keys: Ints, fresh: Ints) -> Ints:
    """The union of ascending keys (m,), each once, and others (k,) in any order."""
    both = np.concatenate((keys, np.sort(fresh)))
    # Two runs that are in order: this sort only merges them.
    both.sort(kind="stable")
    first = np.ones(len(both), bool)
    first[1:] = both[1:] != both[:-1]
    return both[first]


def found_in(keys: Ints, asked: Ints) -> Bools:
    """Which of some keys (k,) are among ascending ones (m,)."""
    if not len(keys):
        return np.zeros(len(asked), bool)
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    return np.asarray(keys[at] == asked)
