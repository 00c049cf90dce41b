"""Markets whose people have photos."""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from features.lake_tables import PHOTOS


def with_photos(
    profiles: pa.Table, urls_of: Mapping[int, Sequence[str]], version: int = 1
) -> pa.Table:
    """Profiles (schema PROFILES) with photos of people by id, and of nobody else."""
    place = profiles.schema.get_field_index("version")
    versions = pa.array([version] * len(profiles), pa.int64())
    profiles = profiles.set_column(place, profiles.schema.field(place), versions)
    lists = [
        [
            {"url": url, "blurhash": "", "width": 64, "height": 64}
            for url in urls_of.get(int(person or 0), ())
        ]
        for person in profiles["person"].to_pylist()
    ]
    at = profiles.schema.get_field_index("photos")
    return profiles.set_column(at, profiles.schema.field(at), pa.array(lists, PHOTOS))
