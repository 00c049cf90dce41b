"""The bulk writers of the online store."""

from features.behaviour_rows import rebuild_behaviour, restore_behaviour
from features.person_rows import write_person_rows, write_profiles
from features.view_writer import drop_view, write_factors, write_photos, write_view

__all__ = [
    "drop_view",
    "rebuild_behaviour",
    "restore_behaviour",
    "write_factors",
    "write_person_rows",
    "write_photos",
    "write_profiles",
    "write_view",
]
