"""The model behind BentoML, by its guide: `bentoml serve cli.bench.textbook.ranker:TextbookRanker`.

The model is the one of Gravity's own ranker, so both paths give a pair the same score.
"""

import os
from pathlib import Path
from typing import Any

import bentoml
import numpy as np

from cli.bench.textbook.programs import RELEASE


@bentoml.service(name="TextbookRanker", workers=1, logging={"access": {"enabled": False}})
class TextbookRanker:
    """Features in, scores out."""

    def __init__(self) -> None:
        from features.release import Release

        folder = Path(os.environ["GRAVITY_HOME"], "releases")
        self._release = Release.open(folder / os.environ[RELEASE])

    @bentoml.api  # type: ignore[untyped-decorator]
    def rank(self, features: dict[str, list[Any]]) -> list[float]:
        """Columns of a viewer (first) and m candidates; m log expected matches less prices."""
        from features.ranker import heads_of
        from features.score import Sides

        a = self._release.arrays
        rows, d = self._release.rows_of(features["person_id"]), self._release.manifest.d
        blocks = ("taste", "photo_taste", "embedding")
        taste, photo_taste, photo = (np.array(features[name], np.float32) for name in blocks)
        everybody = Sides.of(
            np.concatenate((taste, photo_taste), axis=1),
            np.concatenate((a.appeal[rows, :d], photo), axis=1),
            np.array(features["given_rate"], np.float32),
            np.array(features["received_rate"], np.float32),
            a.line[rows],
            a.columns["gender"][rows],
            self._release.manifest.calibration,
        )
        others = np.arange(1, len(rows))
        heads = heads_of(self._release.ranker, everybody.take([0]), everybody.take(others))
        scores: list[float] = heads.priced(self._release.prices_of(rows[1:])).tolist()
        return scores
