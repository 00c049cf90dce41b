"""What `gravity evaluate photos` keeps apart, and that photos of a market are used and audited."""

import numpy as np

from cli.evaluate.photos_learned import learn
from cli.evaluate.photos_market import measure_market, with_vectors
from training.photos.fitting import PhotoSettings


def test_photos_of_a_small_market_are_used_and_audited() -> None:
    how = PhotoSettings(width=16, centres=8, epochs=1)
    learned = learn(1_500, 120, how, 0, lambda _: None)
    assert learned.shown.sum() == 120 and learned.new.sum() == 60
    assert not learned.new[~learned.shown].any()
    # What was kept back is in nobody's swipes that were learned from.
    assert len(learned.fitted.embeddings) == 60
    # Vectors of all lengths: that of so few swipes may be of none.
    vectors = np.random.default_rng(0).standard_normal(learned.vectors().shape).astype(np.float32)
    photos = with_vectors(learned.drawn, vectors, learned.shown).people.photos
    assert photos is not None
    assert 0.0 < photos.present.mean() < 0.1
    rows = measure_market(learned.drawn, vectors, learned.shown, 30, 0, lambda _: None)
    found = {(row.task, row.measure, row.method) for row in rows}
    assert ("photos-audit", "correlation", "gravity") in found
    audit = next(row for row in rows if row.task == "photos-audit")
    assert audit.low is not None and audit.high is not None
    assert audit.low < audit.value < audit.high
    both = {row.method: row.value for row in rows if row.measure == "auc"}
    assert len(set(both.values())) == 2
