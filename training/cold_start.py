"""What stands in for people without history: the means of their gender and age band."""

import numpy as np
import numpy.typing as npt

from features.behaviour import BANDS
from features.cold_start_rows import cold_start_dtype

Floats = npt.NDArray[np.float32]
Bools = npt.NDArray[np.bool_]


def cold_start(
    band: npt.NDArray[np.int64],
    taste: Floats,
    appeal: Floats,
    given_rate: Floats,
    received_rate: Floats,
    line: Floats,
) -> npt.NDArray[np.void]:
    """Means (BANDS,) of cold_start_dtype over the people of each band; of all for an empty one.

    People without history are in them too: theirs is what their attributes let expect.
    """
    means = np.zeros(BANDS, cold_start_dtype(taste.shape[1]))
    everybody = np.ones(len(band), bool)
    columns = {
        "taste": taste,
        "appeal": appeal,
        "given_rate": given_rate,
        "received_rate": received_rate,
        "line": line,
    }
    for name, values in columns.items():
        means[name] = band_means(values, everybody, band)
    return means


def fill_by_band(values: Floats, known: Bools, band: npt.NDArray[np.int64]) -> Floats:
    """`values` (n, ...) where known (n,), elsewhere the mean of the known of the same band."""
    filled = values.copy()
    filled[~known] = band_means(values, known, band)[band[~known]]
    return filled


def band_means(values: Floats, known: Bools, band: npt.NDArray[np.int64]) -> Floats:
    """Means (BANDS, ...) of the known values; of all known where a band has none."""
    overall = values[known].mean(axis=0) if known.any() else values.mean(axis=0)
    means = np.broadcast_to(overall, (BANDS, *values.shape[1:])).astype(np.float32)
    for b in np.unique(band[known]):
        means[b] = values[known & (band == b)].mean(axis=0)
    return means
