"""What the company that people keep says of them: whom they rate, and by whom they are rated.

Nobody rates at random. Who looks at whom tells gender, age and place, which no ratings need to be
seen for; it is the implicit feedback of SVD++ (Koren, KDD 2008) in closed form, by the directions
of the graph.
"""

from typing import Final

import numpy as np
from scipy.sparse import diags_array
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from training.reciprocal.links import Links
from training.reciprocal.ratings import Floats, Ratings

_ADDED: Final = 5.0
"""Keeps who has one rating from being the whole of a direction."""
_FURTHEST: Final = 4.0
_LEAST: Final = 1e-9


def company(known: Ratings, directions: int) -> Floats:
    """Covariates (n, 4 + 2 `directions`): a one; how much each rated and was rated; and everybody's
    place in the directions of the graph, as rater and as rated. All but the first have mean 0 and
    deviation 1 and end at 4 deviations; those that are alike for all are 0."""
    n = known.people
    given, received = (np.bincount(ids, minlength=n) for ids in (known.rater, known.rated))
    columns = [np.log1p(given), np.log1p(received), np.equal(received, 0).astype(np.float64)]
    graph = Links.of(n, known.rater, known.rated).matrix(np.ones(len(known)))
    roots = [1.0 / np.sqrt(count + _ADDED) for count in (given, received)]
    scaled = diags_array(roots[0]) @ graph @ diags_array(roots[1])
    with threadpool_limits(1, "blas"):
        left, size, right = randomized_svd(scaled, 1 + directions, n_iter=8, random_state=0)
    # The first direction is how much everybody rates, which is there already; those of no size
    # are arbitrary.
    some = size[1:] > _LEAST
    places = [*left.T[1:][some], *right[1:][some]]
    places += [np.zeros(n)] * (2 * directions - len(places))
    return np.column_stack([np.ones(n), *(_standard(each) for each in columns + places)])


def _standard(column: Floats) -> Floats:
    deviation = float(column.std())
    if deviation < _LEAST:
        return np.zeros(len(column))
    standard = (column - column.mean()) / deviation
    return np.asarray(np.clip(standard, -_FURTHEST, _FURTHEST), np.float64)
