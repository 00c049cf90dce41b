"""What stands in for people without history: the means of their gender and age band."""

import numpy as np
import numpy.typing as npt

from features.behaviour import BANDS
from features.release import cold_start_dtype

Floats = npt.NDArray[np.float32]


def cold_start(
    band: npt.NDArray[np.int64],
    taste: Floats,
    appeal: Floats,
    given_rate: Floats,
    received_rate: Floats,
    line: Floats,
    made: npt.NDArray[np.int64],
    received: npt.NDArray[np.int64],
) -> npt.NDArray[np.void]:
    """Means (BANDS,) of cold_start_dtype over the people of each band.

    Tastes and given rates are averaged over people who made swipes (`made` (n,) counts), appeals
    and received rates over those who received some. A band without such people has everybody's.
    """
    means = np.zeros(BANDS, cold_start_dtype(taste.shape[1]))
    made_any, received_any = made > 0, received > 0
    columns = {
        "taste": (taste, made_any),
        "given_rate": (given_rate, made_any),
        "appeal": (appeal, received_any),
        "received_rate": (received_rate, received_any),
        "line": (line, np.ones(len(band), bool)),
    }
    for name, (values, known) in columns.items():
        means[name] = _band_means(values, known, band)
    return means


def _band_means(
    values: Floats, known: npt.NDArray[np.bool_], band: npt.NDArray[np.int64]
) -> Floats:
    overall = values[known].mean(axis=0) if known.any() else values.mean(axis=0)
    means = np.broadcast_to(overall, (BANDS, *values.shape[1:])).copy()
    for b in np.unique(band[known]):
        means[b] = values[known & (band == b)].mean(axis=0)
    return means
