"""Interactions: swipes, matches, likes received, blocks. An acknowledged swipe is never lost."""
