"""The tables of interactions: where the truth about pairs is written and read."""

from interactions.swipe_import import ImportedSwipes, import_swipes

__all__ = ["ImportedSwipes", "import_swipes"]
