"""How the prices of a release are found: what they assume of its decks, and how many turns they
take."""

from typing import Final

from training.market.inboxes import table_beside_cards

TAU: Final = 0.1
"""The release's own is chosen by scores that have prices in them; by tens of thousands of people it
comes out near this (docs/decisions/0042)."""
STEPS: Final = (6, 6, 6, 16)
"""Turns of each round: the rounds before the last only tell who comes into question."""
SHAPE: Final = table_beside_cards
