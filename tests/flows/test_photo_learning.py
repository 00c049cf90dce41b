"""Which photos may be shown where no erasure reaches them."""

from pathlib import Path

import pyarrow as pa

from features.lake import append_rows, part_of_import
from flows.photo_learning import simulated_urls
from tests.training.photo_worlds import with_photos
from tests.training.worlds import market


def test_only_photos_that_nobody_real_has_may_be_shown(tmp_path: Path) -> None:
    urls_of = {1: ["/drawn", "/both"], 2: ["/real", "/both"]}
    profiles = with_photos(market(40, 3).profiles, urls_of)
    simulated = pa.array([person != 2 for person in profiles["person"].to_pylist()])
    at = profiles.schema.get_field_index("simulated")
    profiles = profiles.set_column(at, profiles.schema.field(at), simulated)
    append_rows(tmp_path, "profiles", profiles, part_of_import("f00d", 0))
    assert simulated_urls(tmp_path) == {"/drawn"}
    assert simulated_urls(tmp_path / "none") == frozenset()
