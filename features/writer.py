"""The bulk writers of the online store."""

from features.behaviour_rows import rebuild_behaviour
from features.person_rows import write_person_rows, write_profiles
from features.view_writer import write_factors, write_view

__all__ = [
    "rebuild_behaviour",
    "write_factors",
    "write_person_rows",
    "write_profiles",
    "write_view",
]
